/** What a code tells the caller: the HTTP status it maps to, and whether the same call may succeed later. */
interface CodeMeaning {
  readonly httpStatus: number;
  readonly retryable: boolean;
}

/** The one table of error codes. A client switches on these; nothing else in an error is meant for machines. */
export const ERROR_CODES = {
  BAD_USER_INPUT: { httpStatus: 400, retryable: false },
  UNAUTHENTICATED: { httpStatus: 401, retryable: false },
  FORBIDDEN: { httpStatus: 403, retryable: false },
  NOT_FOUND: { httpStatus: 404, retryable: false },
  CONFLICT: { httpStatus: 409, retryable: false },
  PAYLOAD_TOO_LARGE: { httpStatus: 413, retryable: false },
  RATE_LIMITED: { httpStatus: 429, retryable: true },
  CANCELLED: { httpStatus: 499, retryable: true },
  OPERATION_TOO_COSTLY: { httpStatus: 400, retryable: false },
  UPSTREAM_FAILED: { httpStatus: 502, retryable: true },
  UPSTREAM_TIMEOUT: { httpStatus: 504, retryable: true },
  UNAVAILABLE: { httpStatus: 503, retryable: true },
  INTERNAL_SERVER_ERROR: { httpStatus: 500, retryable: false },
} as const satisfies Record<string, CodeMeaning>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** Whether a value is one of the codes of the table. */
export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(ERROR_CODES, value);
}

/** How the message layer waits. Source of the initial values: RFC 7252, §4.8. */
export interface CoapTiming {
  /** How long the first acknowledgement is waited for, in milliseconds; times 1 to 1.5 at random, doubled each time. */
  readonly ackTimeoutMs: number;
  readonly maxRetransmit: number;
  /** For how long a message may be repeated, in milliseconds. */
  readonly exchangeLifetimeMs: number;
  /** After how many milliseconds a request is acknowledged while its answer is still being made. */
  readonly separateAfterMs: number;
}

/** The initial values of RFC 7252, §4.8.2. */
export const COAP_TIMING: CoapTiming = {
  ackTimeoutMs: 2_000,
  maxRetransmit: 4,
  exchangeLifetimeMs: 247_000,
  separateAfterMs: 1_000,
};

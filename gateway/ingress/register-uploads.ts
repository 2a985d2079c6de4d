import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import { readMultipart, type UploadLimits } from './read-multipart.js';

/**
 * Takes operations with files. A form of any page can send them, so that they need the header that no form can set: it is
 * the one that Apollo Server asks for.
 */
export function registerUploads(scope: FastifyInstance, limits: UploadLimits): void {
  if (limits.maxFiles === 0) return;
  scope.addContentTypeParser(
    'multipart/form-data',
    async ({ headers }: FastifyRequest, payload: IncomingMessage) => {
      if (headers['apollo-require-preflight'] || headers['x-apollo-operation-name'])
        return readMultipart(headers, payload, limits);
      throw new AegisError(
        'BAD_USER_INPUT',
        'expected the header apollo-require-preflight with a multipart body, got none: any page could have sent it.',
      );
    },
  );
}

/** Whether the body of a request may have files in it. */
export function mayHaveFiles(contentType: string | undefined): boolean {
  return contentType?.toLowerCase().startsWith('multipart/form-data') ?? false;
}

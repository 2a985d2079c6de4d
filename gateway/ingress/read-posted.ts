import type { FastifyRequest } from 'fastify';
import { readOperationRequest, type OperationRequest } from '../access/operation-request.js';

/** The operation that a POST of JSON asks for; undefined for a body of another kind, which Apollo Server should judge. */
export function readPosted({
  body,
  headers,
}: Pick<FastifyRequest, 'body' | 'headers'>): OperationRequest | undefined {
  return isObject(body) && isJson(headers['content-type']) ? readOperationRequest(body) : undefined;
}

/** Whether a media type is JSON, or made of it. */
export function isJson(contentType: string | undefined): boolean {
  return /^\s*application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(contentType ?? '');
}

/** Whether a value has named members. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

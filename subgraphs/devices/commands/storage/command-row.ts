import { Prisma } from '../../../../kernel/database/workspace.js';

/** The columns of a command as the model names them. */
export const COMMAND_COLUMNS = Prisma.sql`
  c.id, c.sequence, c.device_id AS "deviceId", c.action, c.input, c.payload, c.state, c.attempts,
  c.idempotency_key AS "idempotencyKey", c.requested_by AS "requestedBy", c.output, c.error, c.note,
  c.created_at AS "createdAt", c.expires_at AS "expiresAt", c.sent_at AS "sentAt", c.delivered_at AS "deliveredAt",
  c.finished_at AS "finishedAt"`;

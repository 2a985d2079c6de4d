/** What a device sent: OTHER is what came on a topic that is not its sender's, or of another part of Aegis. */
export type PayloadKind = 'TELEMETRY' | 'REPORT' | 'EVENT' | 'ANSWER' | 'OTHER';

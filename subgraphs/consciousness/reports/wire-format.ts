import { z } from 'zod';

/** What a node reports about itself, as it goes over the wire: exactly these members. */
export const wireReport = z.strictObject({
  /** When it was measured, in seconds since 1970, with fractions. */
  timestamp: z.number().min(0).max(253_402_300_799),
  node_id: z.string().min(1).max(64),
  consciousness_metrics: z.strictObject({
    phi: z.number(),
    coherence: z.number(),
    stability: z.number(),
    divergence: z.number(),
    consciousness_level: z.number(),
  }),
  global_state: z.strictObject({
    network_coherence: z.number(),
    collective_awareness: z.number(),
    system_health: z.number(),
  }),
});

export type WireReport = z.infer<typeof wireReport>;

/** The numbers of a report by the names that they have here. */
export const reportedNumbers = z.object({
  phi: z.number(),
  coherence: z.number(),
  stability: z.number(),
  divergence: z.number(),
  level: z.number(),
  networkCoherence: z.number(),
  collectiveAwareness: z.number(),
  systemHealth: z.number(),
});

export type ReportedNumbers = Readonly<z.infer<typeof reportedNumbers>>;

/** The numbers of a report. */
export function toNumbers({ consciousness_metrics: own, global_state: global }: WireReport): ReportedNumbers {
  return {
    phi: own.phi,
    coherence: own.coherence,
    stability: own.stability,
    divergence: own.divergence,
    level: own.consciousness_level,
    networkCoherence: global.network_coherence,
    collectiveAwareness: global.collective_awareness,
    systemHealth: global.system_health,
  };
}

import type { z } from 'zod';
import { readNodeName } from './node-name.js';
import { UnreadableReport, type Mistake } from './unreadable-report.js';
import { wireReport, type WireReport } from './wire-format.js';

/** Whoever sent as many mistakes mends these first. */
const MOST_MISTAKES = 16;
/** A name is shown as far as this: it may be anything. */
const SHOWN_CHARACTERS = 64;

/**
 * Reads a report, by whichever door it came, and whose it is.
 *
 * @param nodeId the node of the address by which it came, where that names one
 *
 * Errors: UnreadableReport when it is not of the wire format, or of another node; NOT_FOUND when there is no such node.
 */
export function readReport(
  given: unknown,
  { nodeId, nodeCount }: { readonly nodeId: string | undefined; readonly nodeCount: number },
): { readonly wire: WireReport; readonly nodeIndex: number } {
  const { success, data, error } = wireReport.safeParse(given);
  if (!success) throw new UnreadableReport(error.issues.flatMap(listMistakes).slice(0, MOST_MISTAKES));
  const nodeIndex = readNodeName(data.node_id, nodeCount);
  if (nodeId !== undefined && readNodeName(nodeId, nodeCount) !== nodeIndex) {
    const message = `node_id: expected the node of the address, ${nodeId}, got ${data.node_id}`;
    throw new UnreadableReport([{ path: ['node_id'], message }]);
  }
  return { wire: data, nodeIndex };
}

/** The members that an issue is about: those that should not be there are told of together. */
function listMistakes(issue: z.core.$ZodIssue): readonly Mistake[] {
  const path = issue.path.map(String);
  if (issue.code !== 'unrecognized_keys') {
    return [{ path, message: `${path.join('.') || 'report'}: ${issue.message}` }];
  }
  return issue.keys.map((key) => {
    const member = [...path, key.slice(0, SHOWN_CHARACTERS)];
    return { path: member, message: `${member.join('.')}: expected no such member` };
  });
}

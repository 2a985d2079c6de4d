import { DEFAULT_WORKSPACE, type Principal } from './principal.js';

/**
 * Whether somebody runs this installation: its settings and its supergraph are for every workspace, so that who administers
 * a workspace of its own is no operator. The default workspace is the operator's.
 */
export function isOperator({ workspace, roles }: Principal): boolean {
  return workspace === DEFAULT_WORKSPACE && roles.includes('admin');
}

declare const workspaceIdBrand: unique symbol;

/** The name of a workspace, checked: only {@link parseWorkspaceId} makes one, so no query runs on an unchecked name. */
export type WorkspaceId = string & { readonly [workspaceIdBrand]: true };

/** Who is asking. */
export interface Principal {
  readonly subject: string;
  readonly workspace: WorkspaceId;
  readonly roles: readonly string[];
  /** From when on it is let in no more, in milliseconds since 1970; an API key has no such end. */
  readonly expiresAt?: number;
}

/** The subject of everybody where there are no keys. */
export const ANYBODY = 'anybody';

/** The workspace of an installation that has not named another. */
export const DEFAULT_WORKSPACE = 'default' as WorkspaceId;

const WORKSPACE_NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** Checks the name of a workspace: lower-case letters, digits and dashes, at most 63, so that it fits in a topic. */
export function parseWorkspaceId(name: string): WorkspaceId | undefined {
  return WORKSPACE_NAME.test(name) ? (name as WorkspaceId) : undefined;
}

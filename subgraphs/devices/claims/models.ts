import type { Connection } from '../../../kernel/graphql/connection.js';
import type { UserError } from '../generated/schema-types.js';
import type { ClaimCodeRow } from './registry.js';

/** What is kept of a claim code; its labels are resolved further. */
export type ClaimCodeModel = ClaimCodeRow;

/** A page of claim codes. */
export type ClaimCodeConnectionModel = Connection<ClaimCodeModel>;

/** What came of making claim codes: they are shown this once. */
export interface CreateClaimCodesPayloadModel {
  readonly claimCodes: readonly ClaimCodeModel[];
  readonly codes: readonly string[];
  readonly userErrors: UserError[];
}

/** What came of revoking one. */
export interface RevokeClaimCodePayloadModel {
  readonly claimCode: ClaimCodeModel | null;
  readonly userErrors: UserError[];
}

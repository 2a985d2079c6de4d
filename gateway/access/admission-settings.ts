/** Who may ask the gateway about its schema. */
export const INTROSPECTION_MODES = ['on', 'off', 'admin'] as const;

/** What trusted documents are: known ones beside all others, or the only ones that run. */
export const TRUSTED_DOCUMENT_MODES = ['allow', 'strict'] as const;

/** What the gateway takes as an operation, and from whom. */
export interface AdmissionSettings {
  readonly introspection: (typeof INTROSPECTION_MODES)[number];
  readonly trustedDocumentsMode: (typeof TRUSTED_DOCUMENT_MODES)[number];
  /** Whether clients may have texts kept under their hashes. */
  readonly persistedQueries: boolean;
}

export const ADMISSION_DEFAULTS: AdmissionSettings = {
  introspection: 'on',
  trustedDocumentsMode: 'allow',
  persistedQueries: true,
};

/** Whether somebody may ask the gateway about its schema. */
export function mayAskAboutSchema(
  { introspection }: Pick<AdmissionSettings, 'introspection'>,
  principal: { readonly roles: readonly string[] },
): boolean {
  return introspection === 'on' || (introspection === 'admin' && isAdministrator(principal));
}

/** Whether somebody administers the gateway. */
export function isAdministrator({ roles }: { readonly roles: readonly string[] }): boolean {
  return roles.includes('admin');
}

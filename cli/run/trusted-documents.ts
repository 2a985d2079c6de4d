import { TrustedDocumentsInvalid, type TrustedDocuments } from '../../gateway/access/trusted-documents.js';
import { watchTrustedDocuments } from '../../gateway/access/watch-trusted-documents.js';
import { SettingsError } from '../../kernel/config/settings.js';
import type { AegisProcess } from '../process.js';

/** How often the file is looked at, in milliseconds. */
const LOOK_EVERY_MS = 1_000;

interface TrustedDocumentsSettings {
  readonly trustedDocumentsFile: string | undefined;
  readonly trustedDocumentsMode: 'allow' | 'strict';
}

/**
 * Opens the file of trusted documents until the process stops; none when no setting names one.
 *
 * Errors: SettingsError when it cannot be read, or is missing where nothing else may run.
 */
export async function openTrustedDocuments(
  { trustedDocumentsFile: file, trustedDocumentsMode: mode }: TrustedDocumentsSettings,
  { lifecycle, logger }: Pick<AegisProcess, 'lifecycle' | 'logger'>,
): Promise<TrustedDocuments | undefined> {
  if (file === undefined) {
    if (mode === 'allow') return undefined;
    throw new SettingsError([
      'AEGIS_TRUSTED_DOCUMENTS_MODE: expected strict together with --trusted-documents (or AEGIS_TRUSTED_DOCUMENTS), got it alone.',
    ]);
  }
  const documents = await watchTrustedDocuments({ file, everyMs: LOOK_EVERY_MS, logger }).catch(
    (error: unknown) => {
      const isMistake = error instanceof TrustedDocumentsInvalid || (error as { code?: unknown }).code;
      if (!isMistake) throw error;
      throw new SettingsError([`--trusted-documents ${file}: ${(error as Error).message}`]);
    },
  );
  await lifecycle.start({
    name: 'trusted documents',
    close: () => {
      documents.close();
      return Promise.resolve();
    },
  });
  return documents;
}

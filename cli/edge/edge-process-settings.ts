import type { SettingsOf } from '../../kernel/config/settings.js';
import { processSettings } from '../config.js';
import { edgeSettings } from './edge-settings.js';

/** The settings of `aegis edge`: its own, and those of every process. */
export const edgeProcessSettings = { ...processSettings, ...edgeSettings } as const;

export type EdgeProcessSettings = SettingsOf<typeof edgeProcessSettings>;

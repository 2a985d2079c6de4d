import type { SettingsOf } from '../../kernel/config/settings.js';
import { wholeNumber } from '../../kernel/config/whole-number.js';

/** Every setting of the subgraph. */
export const settings = {
  eventsRetentionDays: wholeNumber({
    env: 'AEGIS_EVENTS_RETENTION_DAYS',
    description:
      'Days after which facts are removed from the event log; those that a consumer waits for stay.',
    minimum: 1,
    maximum: 36_500,
    initial: 90,
  }),
};

export type EventsSettings = SettingsOf<typeof settings>;

import type { SubgraphDeps } from '../../../kernel/graphql/subgraph.js';
import type { DevicesSettings } from '../config.js';
import { createClaims } from '../claims/claims.js';
import { createHttp } from '../protocols/http/http.js';
import { createMqtt } from '../protocols/mqtt/mqtt.js';
import { createDoors } from '../protocols/doors.js';
import { createFieldProtocols } from '../protocols/field-protocols.js';
import { openShareDuty } from '../protocols/share-duty.js';
import { combineProtocols } from '../protocols/protocols.js';
import { createUplink } from '../uplink.js';
import type { Conversation } from './conversation.js';
import type { Inventory } from './inventory.js';

export interface EntranceDeps extends SubgraphDeps {
  readonly settings: DevicesSettings;
  readonly inventory: Inventory;
  readonly conversation: Conversation;
}

/** Ties the protocols to what they hand on: telemetry, reports, answers, events and claims. */
export function createEntrance(deps: EntranceDeps) {
  const { database, log, workspaces, logger, settings, inventory, conversation } = deps;
  const { known, profiles, readings, registry, endpoints } = inventory;
  const { sessions, credentials, twins, commands } = conversation;
  const claims = createClaims({
    ...{ database, log, workspaces, credentials, profiles: profiles.lookups, units: profiles.units },
    devices: registry,
  });
  const uplink = createUplink({
    ...{ devices: known, sessions, workspaces, ingest: readings.ingest },
    report: twins.report,
    answer: commands.answer,
    event: twins.event,
    claim: claims.claim,
    mayClaim: claims.isGood,
  });
  const doors = createDoors({ ...readings, uplink, sessions, admit: credentials.admit });
  const http = doors.add('HTTP', (metered) =>
    createHttp({ ...metered, logger, devices: known, maxPayloadBytes: settings.maxPayloadBytes }),
  );
  const field = createFieldProtocols({
    ...{ ...deps, doors, endpoints, devices: known, settings },
    profileOf: profiles.lookups.ofDevice,
  });
  const protocols = combineProtocols([
    http,
    doors.add('MQTT', (metered) =>
      createMqtt({
        ...metered,
        ...{ logger, workspaces, devices: known, topics: deps.topics, settings },
        shareDuty: openShareDuty({ database, logger, name: 'sparkplug' }),
        maxPayloadBytes: settings.maxPayloadBytes,
      }),
    ),
    ...field.protocols,
  ]);
  return { claims, uplink, doors, http, field, protocols };
}

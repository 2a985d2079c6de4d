import type { ProtocolKind } from '../../../../../subgraphs/devices/protocols/protocol-kind.js';
import type { Program } from '../../../../support/describe-with.js';
import type { TestDevices } from '../../support/open-devices.js';

/** What its sender is told of a message: taken for good, or not now: send it again. A refusal for good counts as taken. */
export type SendOutcome = 'taken' | 'later';

/** A temperature in `Cel`, and when it was measured, in milliseconds since 1970; a value without a time is of its arrival. */
export interface SentReading {
  readonly value: number;
  readonly atMs?: number;
}

/** A command as it reached the device. */
export interface ReceivedCommand {
  /** Undefined where commands leave as their inputs alone. */
  readonly id?: string;
  readonly action: string;
  readonly input: unknown;
}

/** One device that speaks the protocol, as a real one does: over its own socket, or as a peripheral near by. */
export interface ContractPeer {
  /**
   * Sends one message with the readings, or has them from now on where it is called on. Resolves once the sender has what
   * answer the protocol gives it.
   *
   * Errors: when it is not let in, or its connection has ended.
   */
  send(device: string, readings: readonly SentReading[]): Promise<SendOutcome>;
  /** Begins to listen to what it is told, if it has not yet. */
  listen(): Promise<void>;
  /** The commands that have reached it. */
  commands(): readonly ReceivedCommand[];
  /** Tells that it has executed a command. Nothing where {@link Capabilities.commands} is `INPUT`. */
  execute(command: ReceivedCommand): Promise<void>;
  /** The values of its property `interval` that it was told to have. */
  intervals(): readonly number[];
  /** Reports its property `interval`. Nothing where {@link Capabilities.commands} is `INPUT`. */
  report(interval: number): Promise<void>;
  /** What it measures now, in `Cel`, which it tells when it is asked and not before; undefined: it does not answer. */
  measures(value: number | undefined): void;
  /** How often it was asked for its temperature. */
  questions(): number;
  /** Says goodbye, or is gone. Safe to call twice. */
  close(): Promise<void>;
}

/** What a protocol can do. A clause of the contract that needs more than it can has no meaning there, and is left out. */
export interface Capabilities {
  /**
   * Who lets the device in. `US`: by a credential of ours. `BROKER`: a broker of its own, by rules of its own, so that what
   * we owe at our door cannot be looked at. `NOBODY`: we call on the device where people have said that it is; it presents
   * nothing, and has no way to name another one.
   */
  readonly admits: 'US' | 'BROKER' | 'NOBODY';
  /**
   * What of all that a device has to tell is owed to us. `EVERY`: each message. `NEWEST`: what is told is the state of a
   * resource, and a newer state takes the place of one that is still on its way (RFC 7641, §1.3 and §4.5.2; a
   * characteristic of GATT holds one value): such a sender cannot fill the queue alone, so others fill it, and the clause is
   * that the newest state is stored in the end.
   */
  readonly delivers: 'EVERY' | 'NEWEST';
  /**
   * What a message holds. `TIMED`: readings with their times. `BARE`: one value and nothing else, as a characteristic of
   * GATT: a repetition cannot be told from a second measurement, so instead of being stored once it is stored again.
   */
  readonly payload: 'TIMED' | 'BARE';
  /**
   * Of what the sender's answer tells. `COMMIT`: its message is stored. `RECEIPT`: its broker has it. `NOTHING`: it is told
   * nothing, as by a notification of GATT. With the latter two the clause that an answer waits for the commit is left out.
   */
  readonly acknowledges: 'COMMIT' | 'RECEIPT' | 'NOTHING';
  /** Whether it reads no more from a connection while what it has read of it waits: then one sender alone fills no queue. */
  readonly holdsConnections?: boolean;
  /**
   * How commands and desired values look. `ENVELOPE`: our own, which a device answers and reports by itself. `INPUT`: what
   * the profile says is written to the device, whose word that it took it is its answer and its report.
   */
  readonly commands: 'ENVELOPE' | 'INPUT';
  /** How far a command comes without a further word of the device: `SENT` where nobody tells that it has arrived. */
  readonly commandReaches: 'SENT' | 'DELIVERED' | 'EXECUTED';
  /**
   * `SEEN`: a device is OFFLINE as soon as it is gone. `UNSEEN`: the protocol has no goodbye, and a device is OFFLINE when it
   * was not heard for long, of which the suites of their own tell with shorter times.
   */
  readonly goodbye: 'SEEN' | 'UNSEEN';
}

/** What the peer of a test is. */
export interface PeerOptions {
  readonly devices: TestDevices;
  /** The device's name. */
  readonly device: string;
  readonly deviceId: string;
  /** The device's token. */
  readonly token: string;
}

/** A protocol under the contract. */
export interface ContractProtocol extends Capabilities {
  readonly name: string;
  readonly kind: ProtocolKind;
  /** Programs that its tests need. */
  readonly programs?: readonly Program[];
  /** Starts what stands beside the subgraph, such as a broker, and gives the settings of the subgraph. */
  open(): Promise<{ readonly env: Readonly<Record<string, string>>; close(): Promise<void> }>;
  connect(options: PeerOptions): Promise<ContractPeer>;
}

/** Readings as our own JSON. */
export function toJson(readings: readonly SentReading[]): string {
  const items = readings.map(({ value, atMs }) =>
    atMs === undefined ? { temperature: value } : { ts: atMs, values: { temperature: value } },
  );
  return JSON.stringify(items.length === 1 ? items[0] : items);
}

import { setMaxListeners } from 'node:events';
import { GraphQLError, OperationTypeNode, type ExecutionArgs, type FormattedExecutionResult } from 'graphql';
import type { SubscribePayload } from 'graphql-ws';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import type { RequestContext } from '../../kernel/graphql/subgraph.js';
import type { Connection } from '../../kernel/graphql/web-socket-server.js';
import type { Principal } from '../../kernel/identity/principal.js';
import type { TraceContext } from '../../kernel/telemetry/trace-context.js';
import type { Admission, AdmittedOperation, RefusedOperation } from '../access/admission.js';
import { readOperationRequest } from '../access/operation-request.js';
import type { GatewayOperation } from '../gateway-operation.js';
import type { ClientIdentity } from './client-identity.js';
import type { OperationLog, OperationRecord } from './operation-log.js';

/** What is known of a connection. */
export interface ClientConnection extends Connection, Record<PropertyKey, unknown> {
  /** Aborted when the socket closes; made for the first operation that looks at it, for subscriptions need none. */
  left: AbortController | undefined;
  /** Of its operations that have not ended. */
  readonly records: Set<OperationRecord>;
  /** Those of them that are queries and mutations. */
  readonly running: Set<OperationRecord>;
  /** What it calls itself; set when the connection is acknowledged. */
  client: ClientIdentity;
  /** Who it is; set when the connection is acknowledged. */
  principal: Principal | undefined;
  /** Of what it presented, what subgraphs may be told. */
  headers: RequestContext['headers'];
}

/** An operation that a client has sent. */
export interface ClientOperation extends GatewayOperation {
  /** The client's name of it. */
  readonly id: string;
  readonly connection: ClientConnection;
  readonly record: OperationRecord;
}

/** The operations of all connections, between what graphql-ws hands over and what it asks for later. */
export interface WebSocketOperations {
  /** Admits an operation: what graphql-ws executes, or why it does not. */
  read(
    connection: ClientConnection,
    id: string,
    payload: SubscribePayload,
  ): ExecutionArgs | readonly GraphQLError[];
  find(args: ExecutionArgs): ClientOperation;
  /**
   * The same, and forgets it: graphql-ws keeps its arguments for as long as a subscription runs, and with them the
   * supergraph that it began with would be kept.
   */
  take(args: ExecutionArgs): ClientOperation;
  /** Notes a result as it goes to the client. */
  settle(payload: SubscribePayload, result: FormattedExecutionResult): void;
  end(connection: ClientConnection, payload: SubscribePayload): void;
}

export interface WebSocketOperationsOptions {
  readonly admission: Admission;
  readonly log: OperationLog;
  /** The most queries and mutations of one connection that are under way at a time. */
  readonly maxOperationsPerConnection: number;
  readonly traceOf: (payload: SubscribePayload) => TraceContext;
}

/** Makes the operations of one server. */
export function createWebSocketOperations({
  admission,
  log,
  maxOperationsPerConnection,
  traceOf,
}: WebSocketOperationsOptions): WebSocketOperations {
  const operations = new WeakMap<ExecutionArgs, ClientOperation>();
  const records = new WeakMap<SubscribePayload, OperationRecord>();

  /** Subscriptions have limits of their own. */
  function limit({ running }: ClientConnection, asked: AdmittedOperation | RefusedOperation) {
    const counts = asked.kind === 'admitted' && !isSubscription(asked);
    return counts && running.size >= maxOperationsPerConnection
      ? ({ kind: 'refused', errors: [tooMany(maxOperationsPerConnection)] } as const)
      : asked;
  }

  return {
    read(connection, id, payload) {
      const { principal, client } = connection;
      // graphql-ws hands on no operation before the connection is acknowledged, and then there is one.
      if (!principal) return [new GraphQLError('the connection is not acknowledged')];
      const asked = readOperationRequest({ ...payload });
      if (!asked) return [new GraphQLError('expected the parameters of a GraphQL request, got others.')];
      const admitted = limit(connection, admission.admit(asked, principal));
      const trace = traceOf(payload);
      const record = log.begin({ via: 'websocket', principal, trace, client, admission: admitted });
      records.set(payload, record);
      if (admitted.kind === 'refused') return admitted.errors;
      connection.records.add(record);
      if (!isSubscription(admitted)) connection.running.add(record);
      const { generation, document, operationName, variables } = admitted;
      const { apiSchema: schema } = generation.snapshot;
      const args = { schema, document, ...(operationName === undefined ? {} : { operationName }) };
      operations.set(args, {
        ...{ id, connection, record, generation, document, operationName, variables },
        context: { principal, trace: record.trace, headers: connection.headers },
        get signal() {
          return signalOf(connection);
        },
      });
      return args;
    },
    find(args) {
      const operation = operations.get(args);
      if (!operation) throw new Error('graphql-ws executes an operation that was not read here');
      return operation;
    },
    take(args) {
      const operation = this.find(args);
      operations.delete(args);
      for (const name of ['schema', 'document']) Reflect.deleteProperty(args, name);
      return operation;
    },
    settle(payload, result) {
      records.get(payload)?.settle(result);
    },
    end(connection, payload) {
      const record = records.get(payload);
      record?.end();
      if (!record) return;
      connection.records.delete(record);
      connection.running.delete(record);
    },
  };
}

function isSubscription({ definition }: AdmittedOperation): boolean {
  return definition.operation === OperationTypeNode.SUBSCRIPTION;
}

function tooMany(limit: number): GraphQLError {
  const originalError = new AegisError(
    'RATE_LIMITED',
    `expected at most ${limit} queries and mutations at a time on one connection, got one more. Ask again when one has been answered.`,
    { details: { limit } },
  );
  return new GraphQLError(originalError.message, { originalError });
}

/** One signal for all operations of a socket: there may be many, and each listens to it. */
function openLeft(): AbortController {
  const left = new AbortController();
  setMaxListeners(0, left.signal);
  return left;
}

/** Aborted when the client's socket closes. */
function signalOf(connection: ClientConnection): AbortSignal {
  const { socket } = connection;
  connection.left ??= openLeft();
  if (socket.readyState === socket.CLOSED) connection.left.abort();
  return connection.left.signal;
}

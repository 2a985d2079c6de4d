import type { ApolloServer } from '@apollo/server';
import { createApolloServer } from '../../kernel/graphql/apollo-server.js';
import type { FormatErrors } from '../../kernel/graphql/format-errors.js';
import type { Logger } from '../../kernel/telemetry/logger.js';
import type { Admission } from '../access/admission.js';
import { writeResult } from '../execution/written-data.js';
import type { Gateway } from '../gateway.js';
import { OPERATION_LIMITS } from '../planning/operation-limit-settings.js';
import { createAdmissionPlugin } from './admission-plugin.js';
import { createDeferPlugin } from './defer-plugin.js';
import { createExplainPlugin } from './explain-plugin.js';
import { createGatewayInterface } from './gateway-interface.js';
import type { HttpContext } from './http-context.js';
import { createOperationLogPlugin } from './operation-log-plugin.js';
import type { OperationLog } from './operation-log.js';

export interface StartApolloOptions {
  readonly gateway: Gateway;
  readonly admission: Admission;
  readonly formatErrors: FormatErrors;
  readonly logger: Logger;
  /** Whether administrators may ask for plans. */
  readonly explain: boolean;
  readonly log: OperationLog;
}

/** Starts the Apollo Server that speaks HTTP for the gateway: what it executes, the admission has read before. */
export async function startApollo({
  gateway,
  admission,
  formatErrors,
  logger,
  explain,
  log,
}: StartApolloOptions): Promise<ApolloServer<HttpContext>> {
  const apollo = createApolloServer<HttpContext>({
    executes: { gateway: createGatewayInterface(gateway) },
    writeResult,
    formatErrors,
    logger,
    maxTokens: OPERATION_LIMITS.maxTokens,
    plugins: [
      createAdmissionPlugin({ admission, formatErrors }),
      createExplainPlugin({ explain, formatErrors }),
      createDeferPlugin({ gateway, formatErrors }),
      createOperationLogPlugin(log),
    ],
    documentsAreRead: true,
  });
  await apollo.start();
  return apollo;
}

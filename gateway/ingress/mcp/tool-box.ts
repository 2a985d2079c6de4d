import type { Principal } from '../../../kernel/identity/principal.js';
import { mayAskAboutSchema, type AdmissionSettings } from '../../access/admission-settings.js';
import type { TrustedDocuments } from '../../access/trusted-documents.js';
import type { Gateway } from '../../gateway.js';
import { createDocumentTools } from './document-tools.js';
import { createExecuteTool } from './execute-tool.js';
import type { RunOperation } from './run-operation.js';
import { createSchemaSearch } from './schema-search.js';
import { createSchemaTools } from './schema-tools.js';
import type { McpTool } from './tool.js';

/** What an agent may use, by its name. */
export interface ToolBox {
  list(principal: Principal): Promise<readonly McpTool[]>;
  find(name: string, principal: Principal): Promise<McpTool | undefined>;
}

export interface ToolBoxOptions {
  readonly gateway: Pick<Gateway, 'current'>;
  readonly settings: AdmissionSettings & { readonly mcpMutations: boolean };
  readonly trustedDocuments: TrustedDocuments | undefined;
  readonly run: RunOperation;
}

/** Makes the tools of one server: those of the schema and of free operations, as far as the settings allow, and the trusted documents. */
export function createToolBox({ gateway, settings, trustedDocuments, run }: ToolBoxOptions): ToolBox {
  const aboutSchema = createSchemaTools(gateway, createSchemaSearch());
  const execute = createExecuteTool(run, settings.mcpMutations);
  const free = settings.trustedDocumentsMode === 'strict' ? [] : [execute];
  const reserved = [...aboutSchema, execute].map(({ definition }) => definition.name);
  const documentTools = createDocumentTools({ trustedDocuments, run, reserved });

  function listOwn(principal: Principal): readonly McpTool[] {
    return mayAskAboutSchema(settings, principal) ? [...aboutSchema, ...free] : free;
  }

  return {
    async list(principal) {
      const documents = await documentTools(gateway.current);
      return [...listOwn(principal), ...documents.values()];
    },
    async find(name, principal) {
      const own = listOwn(principal).find(({ definition }) => definition.name === name);
      return own ?? (await documentTools(gateway.current)).get(name);
    },
  };
}

import { GraphiQL } from 'graphiql';
import 'graphiql/setup-workers/vite';
import 'graphiql/style.css';
import { createRoot } from 'react-dom/client';
import { DEFAULT_TABS } from './default-tabs.js';
import { createFetcher } from './fetcher.js';
import './page.css';

const place = document.getElementById('page');
if (!place) throw new Error('Expected an element with the id "page" in index.html.');

const fetcher = createFetcher(new URL('graphql', document.baseURI));

createRoot(place).render(
  <GraphiQL
    fetcher={fetcher}
    defaultTabs={DEFAULT_TABS.map(({ query }) => ({ query }))}
    defaultEditorToolsVisibility={false}
    inputValueDeprecation
    schemaDescription
  >
    <GraphiQL.Logo>
      <span className="page-title">Aegis</span>
    </GraphiQL.Logo>
  </GraphiQL>,
);

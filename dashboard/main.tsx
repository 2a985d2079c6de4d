import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App, KEY_PLACE } from './app.js';
import { createConnection } from './client/connection.js';
import { ConnectionContext } from './client/use-connection.js';
import './styles.css';

const place = document.getElementById('page');
if (!place) throw new Error('Expected an element with the id "page" in index.html.');

const connection = createConnection(
  new URL('../graphql', document.baseURI),
  sessionStorage.getItem(KEY_PLACE) ?? undefined,
);

createRoot(place).render(
  <StrictMode>
    <ConnectionContext value={connection}>
      <App />
    </ConnectionContext>
  </StrictMode>,
);

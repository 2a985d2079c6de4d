import { useEffect, useRef, useState, type RefObject } from 'react';
import { AlarmsPanel } from './alarms/alarms-panel.js';
import { useConnection, useConnectionState } from './client/use-connection.js';
import { DevicesPanel } from './devices/devices-panel.js';
import { EventsPanel } from './events/events-panel.js';
import { NetworkPanel } from './network/network-panel.js';
import { SystemPanel } from './system/system-panel.js';
import { formatTime } from './ui/format.js';
import { SignIn } from './ui/sign-in.js';
import { useTheme, type Theme } from './ui/use-theme.js';

const SECTIONS = [
  { id: 'network', name: 'Network' },
  { id: 'alarms', name: 'Alarms' },
  { id: 'events', name: 'Events' },
  { id: 'devices', name: 'Devices' },
  { id: 'system', name: 'System' },
] as const;

/** Other pages of the same server, from this one. */
const ELSEWHERE = [
  { href: '../', name: 'GraphiQL' },
  { href: '../schema.graphql', name: 'Schema' },
] as const;
/** In several processes it is not at this address. */
const REST = { href: '../api/openapi.json', name: 'REST API' } as const;

/** The name under which the key is kept for as long as the tab is open. */
export const KEY_PLACE = 'aegis.key';

/** The page. */
export function App() {
  const connection = useConnection();
  const state = useConnectionState();
  if (state.kind === 'refused') {
    return (
      <SignIn
        reason={sessionStorage.getItem(KEY_PLACE) === null ? '' : state.reason}
        onKey={(key) => {
          sessionStorage.setItem(KEY_PLACE, key);
          connection.setKey(key);
        }}
      />
    );
  }
  return (
    <>
      <a className="skip" href="#network">
        Skip to the network
      </a>
      <Head />
      <Cut />
      <main>
        <NetworkPanel />
        <AlarmsPanel />
        <EventsPanel />
        <DevicesPanel />
        <SystemPanel />
      </main>
    </>
  );
}

/** The pages that are there. */
function usePages(): readonly { readonly href: string; readonly name: string }[] {
  const [hasRest, setHasRest] = useState(false);
  useEffect(() => {
    void fetch(REST.href, { method: 'HEAD' })
      .then(({ status }) => {
        setHasRest(status !== 404);
      })
      .catch(() => undefined);
  }, []);
  return hasRest ? [...ELSEWHERE, REST] : ELSEWHERE;
}

/** Lets the styles know how much of the page the head covers, so that what is scrolled to is not beneath it. */
function useHeadHeight(head: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const element = head.current;
    if (!element) return undefined;
    const watcher = new ResizeObserver(() => {
      document.documentElement.style.setProperty('--head-height', `${element.offsetHeight}px`);
    });
    watcher.observe(element);
    return () => {
      watcher.disconnect();
    };
  }, [head]);
}

function Head() {
  const [theme, setTheme] = useTheme();
  const pages = usePages();
  const head = useRef<HTMLElement>(null);
  useHeadHeight(head);
  return (
    <header ref={head} className="head">
      <h1>Aegis</h1>
      <ConnectionBadge />
      <nav aria-label="Parts of this page">
        {SECTIONS.map(({ id, name }) => (
          <a key={id} href={`#${id}`}>
            {name}
          </a>
        ))}
      </nav>
      <nav aria-label="Other pages">
        {pages.map(({ href, name }) => (
          <a key={href} href={href}>
            {name}
          </a>
        ))}
      </nav>
      <label className="theme">
        Colours{' '}
        <select
          value={theme}
          onChange={(event) => {
            setTheme(event.target.value as Theme);
          }}
        >
          <option value="system">as the system</option>
          <option value="light">light</option>
          <option value="dark">dark</option>
        </select>
      </label>
    </header>
  );
}

function ConnectionBadge() {
  const { kind } = useConnectionState();
  const words = {
    connecting: 'connecting',
    connected: 'connected',
    disconnected: 'disconnected',
    refused: '',
  }[kind];
  return (
    <span className={`badge ${kind === 'connected' ? 'live' : 'stale'}`} role="status">
      {words}
    </span>
  );
}

/** Says that what is shown is old, since when and why, while there is no connection. */
function Cut() {
  const state = useConnectionState();
  useEffect(() => {
    document.title = state.kind === 'disconnected' ? 'Disconnected – Aegis dashboard' : 'Aegis dashboard';
  }, [state.kind]);
  if (state.kind !== 'disconnected') return null;
  return (
    <div className="cut" role="alert">
      <strong>No connection since {formatTime(state.since)}</strong>: {state.reason}. What you see is from
      then. The page comes back by itself, with everything that it missed.
    </div>
  );
}

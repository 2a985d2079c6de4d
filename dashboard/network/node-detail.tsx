import { useQuery } from '../client/use-connection.js';
import { formatNumber, formatTime } from '../ui/format.js';
import { Loading, Problem } from '../ui/panel.js';
import { WhatIsThis } from '../ui/what-is-this.js';
import { NODE_VALIDATION, type NodeMetrics, type NodeValidation } from './documents.js';
import {
  HEALTH_REASONS,
  HEALTH_WORDS,
  nodeHealth,
  signalWords,
  sourceOf,
  type KnownNode,
} from './node-state.js';

/** The numbers of a node: what each is, in plain words. */
const NUMBERS = [
  {
    key: 'phi',
    name: 'φ, bit',
    about:
      'What the network tells about its own past beyond what it tells without this node and the node without it. Below 0 when the node repeats what the others tell.',
  },
  {
    key: 'coherence',
    name: 'Coherence',
    about: 'How closely the node swings in step with the others, 0 to 1.',
  },
  {
    key: 'stability',
    name: 'Stability',
    about: 'Whether it stays in step or out of it, 0 (it comes and goes) to 1.',
  },
  {
    key: 'divergence',
    name: 'Divergence',
    about: 'How differently it spends its time among high and low values from all nodes together, 0 to 1.',
  },
  {
    key: 'level',
    name: 'Level',
    about:
      'One number made of the four, as of the network: a convention, which says nothing about experience.',
  },
  {
    key: 'validity',
    name: 'Validity',
    about:
      'How far the node is believed, 0 to 1: 0 without a fresh signal or with an invalid report, else its reputation.',
  },
  {
    key: 'reputation',
    name: 'Reputation',
    about: 'How far its reports about itself have been right: falls with each invalid one, and recovers.',
  },
] as const satisfies readonly { key: keyof NodeMetrics; name: string; about: string }[];

/** What the checks compare with. */
const CHECKS: Readonly<Record<string, string>> = {
  RANGE: 'out of range',
  FRESHNESS: 'not fresh',
  OWN_SIGNAL: 'against its own signal',
  NEIGHBOURS: 'against its neighbours',
  NETWORK: 'against the network',
};

/** How often the checks are asked for anew, in milliseconds: a node that goes on reporting is checked again. */
const AGAIN_MS = 10_000;

const PHASE_SOURCES = { GIVEN: 'given', ANALYTIC: 'made out' } as const;

const SOURCES = {
  DEVICE: 'readings of a device',
  STATE: 'values pushed to the node',
  GENERATOR: 'the generator: simulated',
} as const;

export interface NodeDetailProps extends KnownNode {
  readonly index: number;
  readonly live: NodeMetrics | undefined;
}

/** All that is known of the node that was chosen: its signal, how it is and why, and its numbers. */
export function NodeDetail({ index, ...known }: NodeDetailProps) {
  const { live } = known;
  const health = nodeHealth(known);
  const source = sourceOf(known);
  return (
    <section className="node-detail" aria-label={`Node ${index}`}>
      <h3>Node {index}</h3>
      <dl>
        <div className="wide">
          <dt>Signal</dt>
          <dd>
            {signalWords(known)}
            {source === null ? '' : <span className="soft"> ({SOURCES[source]})</span>}
          </dd>
        </div>
        <div className="wide">
          <dt>State</dt>
          <dd>
            <span className={`dot ${health}`} aria-hidden="true" /> {HEALTH_WORDS[health]}
            <p className="soft">{HEALTH_REASONS[health]}</p>
            {health === 'invalid' ? <WhyInvalid index={index} reputation={live?.reputation} /> : null}
          </dd>
        </div>
        {NUMBERS.map(({ key, name, about }) => (
          <div key={key}>
            <dt>
              {name} <WhatIsThis about={`${name} of a node`}>{about}</WhatIsThis>
            </dt>
            <dd>{formatNumber(live?.[key])}</dd>
          </div>
        ))}
        <div>
          <dt>
            Phase{' '}
            <WhatIsThis about="Phase of a node">
              Where the node is in its swing, from which coherence and phase locking are reckoned. Given: it
              came with each value. Made out: read off how the signal rises and falls.
            </WhatIsThis>
          </dt>
          <dd>{live?.phaseSource ? PHASE_SOURCES[live.phaseSource] : '–'}</dd>
        </div>
      </dl>
    </section>
  );
}

/** What the checks said about the node's newest invalid report. */
function WhyInvalid({
  index,
  reputation,
}: {
  readonly index: number;
  readonly reputation: number | undefined;
}) {
  const answer = useQuery<NodeValidation>(NODE_VALIDATION, { nodeId: `nod_${index}` }, AGAIN_MS);
  if (!answer.data) {
    return answer.problem === undefined ? (
      <Loading what="the checks" />
    ) : (
      <Problem message={answer.problem} />
    );
  }
  const { standings, reports } = answer.data.validationReport;
  const report = reports.edges[0]?.node;
  if (!report) return null;
  const isNewest = standings.find((one) => one.index === index)?.valid === false;
  return (
    <div className="why">
      <p>
        {isNewest
          ? 'Its newest report about itself was found wrong'
          : `Its newest report passed, but its reputation is still ${formatNumber(reputation)} after one that was found wrong`}
        , measured at <time dateTime={report.reportedAt}>{formatTime(report.reportedAt)}</time>:
      </p>
      <ul>
        {report.checks
          .filter(({ outcome }) => outcome === 'FAILED')
          .map(({ check, message }) => (
            <li key={check}>
              <strong>{CHECKS[check] ?? check.toLowerCase().replaceAll('_', ' ')}</strong>: {message}
            </li>
          ))}
      </ul>
    </div>
  );
}

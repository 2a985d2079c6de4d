import { formatNumber } from '../ui/format.js';
import { WhatIsThis } from '../ui/what-is-this.js';
import type { NodeMetrics } from './documents.js';

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

const PHASE_SOURCES = { GIVEN: 'given', ANALYTIC: 'made out' } as const;

/** All numbers of the node that was chosen. */
export function NodeDetail({
  index,
  node,
}: {
  readonly index: number;
  readonly node: NodeMetrics | undefined;
}) {
  return (
    <section className="node-detail" aria-label={`Node ${index}`}>
      <h3>Node {index}</h3>
      <dl>
        {NUMBERS.map(({ key, name, about }) => (
          <div key={key}>
            <dt>
              {name} <WhatIsThis about={`${name} of a node`}>{about}</WhatIsThis>
            </dt>
            <dd>{formatNumber(node?.[key])}</dd>
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
          <dd>{node?.phaseSource ? PHASE_SOURCES[node.phaseSource] : '–'}</dd>
        </div>
      </dl>
    </section>
  );
}

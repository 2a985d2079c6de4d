/** What a message of Sparkplug B is. Source: Sparkplug 3.0.0, §4.1.3. */
export type SparkplugKind = 'NBIRTH' | 'NDEATH' | 'NDATA' | 'NCMD' | 'DBIRTH' | 'DDEATH' | 'DDATA' | 'DCMD';

/** What a topic of Sparkplug B names. */
export interface SparkplugTopic {
  /** Its group. */
  readonly workspace: string;
  readonly kind: SparkplugKind;
  /** The edge node. */
  readonly node: string;
  /** The device behind the edge node; undefined for the node itself. */
  readonly behind: string | undefined;
}

const TOPIC =
  /^spBv1[.]0\/(?<group>[^/+#]+)\/(?:(?<ofNode>NBIRTH|NDEATH|NDATA|NCMD)\/(?<node>[^/+#]+)|(?<ofDevice>DBIRTH|DDEATH|DDATA|DCMD)\/(?<edge>[^/+#]+)(?:\/(?<device>[^/+#]+))?)$/;

/** Reads `spBv1.0/<group>/<kind>/<edge node>[/<device>]`; undefined for any other topic. */
export function parseSparkplugTopic(topic: string): SparkplugTopic | undefined {
  const groups = TOPIC.exec(topic)?.groups;
  const workspace = groups?.['group'];
  const node = groups?.['node'] ?? groups?.['edge'];
  if (workspace === undefined || node === undefined) return undefined;
  const kind = (groups?.['ofNode'] ?? groups?.['ofDevice']) as SparkplugKind;
  return { workspace, kind, node, behind: groups?.['device'] };
}

/** The name of the device in Aegis: the edge node's, or `<edge node>.<device>` for one behind it. */
export function sparkplugDeviceName({ node, behind }: Pick<SparkplugTopic, 'node' | 'behind'>): string {
  return behind === undefined ? node : `${node}.${behind}`;
}

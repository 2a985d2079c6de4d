import { Agent, ObserveReadStream, type IncomingMessage } from 'coap';

/** What another implementation of CoAP in JavaScript got. */
export interface CoapAnswer {
  readonly code: string;
  readonly text: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

export interface CoapCall {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly payload?: string | Uint8Array;
  readonly options?: Readonly<Record<string, string | number | Buffer>>;
}

/** A client by the npm library `coap`. */
export interface NodeCoap {
  call(url: string, call?: CoapCall): Promise<CoapAnswer>;
  /** The payloads of an observation as they come. */
  observe(url: string, options?: CoapCall['options']): Promise<{ readonly texts: string[]; end(): void }>;
  /** Safe to call twice. */
  close(): void;
}

/** Makes one with a socket of its own. */
export function createNodeCoap(): NodeCoap {
  const agent = new Agent({ type: 'udp4' });
  let closed = false;

  function send(url: string, { method = 'GET', payload, options = {} }: CoapCall, observe: boolean) {
    const { hostname, port, pathname, search } = new URL(url);
    const request = agent.request({
      ...{ hostname, method, observe, pathname: decodeURIComponent(pathname), port: Number(port) },
      ...(search === '' ? {} : { query: search.slice(1) }),
    });
    for (const [name, value] of Object.entries(options)) request.setOption(name, value);
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      request.once('response', resolve).once('error', reject);
    });
    request.end(payload === undefined ? undefined : Buffer.from(payload));
    return answered;
  }

  return {
    async call(url, call = {}) {
      const { code, payload, headers } = await send(url, call, false);
      return { code, headers, text: payload.toString() };
    },
    async observe(url, options = {}) {
      const stream = await send(url, { options }, true);
      if (!(stream instanceof ObserveReadStream)) throw new Error(`it cannot be observed: ${stream.code}`);
      const texts: string[] = [];
      stream.on('data', (data: Buffer) => texts.push(data.toString()));
      return {
        texts,
        end() {
          stream.close();
        },
      };
    },
    close() {
      // Its own does not bear to be called twice.
      if (!closed) agent.close();
      closed = true;
    },
  };
}

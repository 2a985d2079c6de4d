import type { EventSink } from '../subscriptions/event-sink.js';
import type { OperationRecord } from './operation-log.js';

/** A sink that notes what goes to the client. */
export function recordSink(sink: EventSink, record: OperationRecord): EventSink {
  return {
    get unsentBytes() {
      return sink.unsentBytes;
    },
    write(event) {
      record.event(event.json.length);
      sink.write(event);
    },
    onceDrained(listener) {
      sink.onceDrained(listener);
    },
    end(end) {
      if (end.kind === 'refused') record.settle(end.result);
      if (end.kind === 'failed') record.settle({ errors: end.errors });
      sink.end(end);
      record.end();
    },
    disconnect() {
      sink.disconnect();
    },
  };
}

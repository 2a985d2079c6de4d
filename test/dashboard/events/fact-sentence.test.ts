import { describe, expect, it } from '@jest/globals';
import { factSentence } from '../../../dashboard/events/fact-sentence.js';

const HOST = { id: 'dev_1', name: 'host' };

describe('What happened, in a sentence', () => {
  it.each<[string, object, string]>([
    ['aegis.device.registered', { metrics: [{ name: 'x' }] }, 'host was registered, with 1 metric'],
    ['aegis.device.connected', { protocol: 'MQTT' }, 'host connected by MQTT'],
    ['aegis.device.disconnected', { reason: 'it was silent' }, 'host disconnected (it was silent)'],
    ['aegis.device.twin.desired', { keys: ['led'] }, 'host is to change its state: led'],
    [
      'aegis.alarm.raised',
      { severity: 'CRITICAL', message: 'too hot: 91 °C' },
      'Critical alarm of host: too hot: 91 °C',
    ],
    [
      'aegis.alarm.cleared',
      { clearReason: 'BY_HAND', message: 'too hot' },
      'An alarm of host has ended (cleared by hand): too hot',
    ],
    ['aegis.alarmrule.updated', { name: 'heat' }, 'The alarm rule “heat” was changed'],
    ['aegis.command.executed', { action: 'reboot' }, 'The command “reboot” for host was carried out'],
  ])('is told of %s', (type, data, sentence) => {
    expect(factSentence({ type, subject: 'dev_1', data, device: HOST })).toBe(sentence);
  });

  it.each<[string, string, object, string]>([
    [
      'aegis.network.threshold.crossed',
      'thr_1',
      { metric: 'COHERENCE', direction: 'ABOVE', limit: 0.5, value: 0.61 },
      'Coherence went above its limit of 0.5: it was 0.61',
    ],
    [
      'aegis.network.threshold.cleared',
      'thr_1',
      { metric: 'PHI', direction: 'BELOW', limit: 0.5, value: 0.61 },
      'Integrated information is back within its limit of 0.5: it was 0.61',
    ],
    [
      'aegis.network.anomaly.detected',
      'LEVEL',
      { metric: 'LEVEL', kind: 'CHANGE_POINT', direction: 'DOWN', value: 0.2, median: 0.6 },
      'Level has shifted down: it was 0.2, and usually about 0.6',
    ],
    [
      'aegis.network.node.doubted',
      'nod_5',
      { failed: [{ check: 'RANGE', message: 'expected coherence between 0 and 1, got 3' }] },
      'Node 5 is not believed: expected coherence between 0 and 1, got 3',
    ],
    ['aegis.rollout.stage.completed', 'rol_1', {}, 'A rollout has completed a stage'],
    ['aegis.something.new', 'abc', {}, 'Something new: abc'],
  ])('is told of %s, which is about no device', (type, subject, data, sentence) => {
    expect(factSentence({ type, subject, data, device: null })).toBe(sentence);
  });

  it('names a device that was removed as its event does', () => {
    const fact = { type: 'aegis.device.removed', subject: 'dev_9', data: { name: 'old' }, device: null };
    expect(factSentence(fact)).toBe('old was removed');
  });

  it('stands without any data', () => {
    const fact = { type: 'aegis.alarm.raised', subject: null, data: null, device: null };
    expect(factSentence(fact)).toBe('An alarm: without a message');
  });
});

import { describe, expect, it } from '@jest/globals';
import { createTopicRoutes } from '../../../kernel/messaging/topic-routes.js';

const handler = () => Promise.resolve();

describe('topic routes', () => {
  it('find who asked for a topic, with what stands at its wildcards', () => {
    const routes = createTopicRoutes();
    routes.handle('nodes/+/state', handler);
    expect(routes.filters()).toEqual(['aegis/+/nodes/+/state']);
    expect(routes.find('aegis/default/nodes/node_3/state')).toEqual({
      workspace: 'default',
      places: ['node_3'],
      handler,
    });
  });

  it.each([
    'aegis/default/nodes/state',
    'aegis/default/nodes/a/b/state',
    'aegis/default/nodes//state',
    'other/default/nodes/a/state',
    'aegis/default/nodes/a/state/more',
  ])('find nobody for %s', (topic) => {
    const routes = createTopicRoutes();
    routes.handle('nodes/+/state', handler);
    expect(routes.find(topic)).toBeUndefined();
  });

  it('take the characters of a pattern as they are', () => {
    const routes = createTopicRoutes();
    routes.handle('a.b/+', handler);
    expect(routes.find('aegis/default/axb/1')).toBeUndefined();
  });

  it('refuse two handlers of one pattern, and take another when the first has gone', () => {
    const routes = createTopicRoutes();
    const stop = routes.handle('nodes/+', handler);
    expect(() => routes.handle('nodes/+', handler)).toThrow(
      'expected one handler of aegis/+/nodes/+, got two',
    );
    stop();
    expect(routes.find('aegis/default/nodes/1')).toBeUndefined();
    routes.handle('nodes/+', handler);
  });
});

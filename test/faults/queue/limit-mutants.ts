import type { FaultSuite } from '../core/suite.js';
import * as limits from './limit-scenarios.js';
import { command, part } from './mutated.js';

/** Of what may be in flight. */
export const limitMutants: FaultSuite['mutants'] = [
  {
    name: 'a receive looks at no limit of what is in flight',
    file: command('receive'),
    find: ', allowed, Flight.room())',
    replace: ', allowed)',
    run: limits.noMoreInFlightThanAllowed.run,
  },
  {
    name: 'a send hands over beyond the limit of what is in flight',
    file: command('send'),
    find: 'Marks.has(Marks.FLIGHT_LIMIT) or ',
    replace: '',
    run: limits.noMoreInFlightThanAllowed.run,
  },
  {
    name: 'a group has room for as many as a receiver wants',
    file: part('group'),
    find: 'math.min(count, room)',
    replace: 'count',
    run: limits.groupsKeepTheirLimit.run,
  },
  {
    name: 'a message that comes back is not in the line of its group',
    file: part('group'),
    find: "redis.call('ZADD', Queue.key('groups'), '0', Group.member(group, token))",
    replace: '',
    run: limits.groupsKeepTheirLimit.run,
  },
  {
    name: 'a limit that is lowered forgets what a group has in flight',
    file: part('group'),
    find: 'if Marks.has(Marks.GROUPS_MIXED) and Group.in_flight(group) > 0 then return {} end',
    replace: '',
    run: limits.limitsChangeSafely.run,
  },
  {
    name: 'a limit that is lowered loses what comes back',
    file: command('configure'),
    find: 'Marks.add(Marks.GROUPS_MIXED)',
    replace: '',
    run: limits.limitsChangeSafely.run,
  },
  {
    name: 'what is in flight when a limit is raised is handed out again',
    file: part('group'),
    find: "if is_delayed(token) or redis.call('ZSCORE', Queue.key('inFlight'), token) then",
    replace: 'if is_delayed(token) then',
    run: limits.limitsChangeSafely.run,
  },
];

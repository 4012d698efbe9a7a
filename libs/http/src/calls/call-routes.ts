import { Inject, Injectable, type OnModuleInit, RequestMethod } from '@nestjs/common';
import {
  CUSTOM_ROUTE_ARGS_METADATA,
  HTTP_CODE_METADATA,
  METHOD_METADATA,
  PATH_METADATA,
  ROUTE_ARGS_METADATA,
  RouteParamtypes,
  VERSION_METADATA,
} from '@nestjs/common/internal';
import { DiscoveryService, ExternalContextCreator, MetadataScanner, Reflector } from '@nestjs/core';
import { ValidationFailed } from '@syncline/contracts';
import { NODE_CONFIG, type NodeConfig } from '../node/node.config.js';
import { noSuchRoute } from '../problems/unrouted.js';
import type { Call } from './call.js';

/** A handler that calls reach: the one of its route over HTTP, with the same guards and pipes. */
export interface CallRoute {
  /** As in `/v1/locks/:name/acquire`. */
  readonly template: string;
  /** Status of a success. */
  readonly status: number;
  readonly handle: (call: Call) => Promise<unknown>;
}

/** A route, and what stands in the path for each of its parameters. */
export interface FoundRoute {
  readonly route: CallRoute;
  readonly params: Readonly<Record<string, string>>;
}

/** A place in the tree of paths, by their segments. */
interface Place {
  readonly children: Map<string, Place>;
  /** What any other segment leads to, and the parameter that it stands for. */
  any: { readonly parameter: string; readonly place: Place } | undefined;
  route: CallRoute | undefined;
}
const newPlace = (): Place => ({ children: new Map(), any: undefined, route: undefined });

/** Handlers that want more of a request than this are for HTTP alone. */
const TAKEN_FROM_CALLS: readonly string[] = [RouteParamtypes.BODY, RouteParamtypes.PARAM].map(String);

/** The routes that calls reach: every POST of the API whose handler takes its path, its JSON body and the hang-up alone. */
@Injectable()
export class CallRoutes implements OnModuleInit {
  private readonly root = newPlace();

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly contexts: ExternalContextCreator,
    private readonly scanner: MetadataScanner,
    private readonly reflector: Reflector,
    @Inject(NODE_CONFIG) private readonly config: NodeConfig,
  ) {}

  onModuleInit(): void {
    for (const { instance, metatype } of this.discovery.getControllers()) {
      if (!metatype) continue;
      const version = this.reflector.get<string | symbol | undefined>(VERSION_METADATA, metatype);
      if (typeof version !== 'string') continue;
      const base = this.reflector.get<string>(PATH_METADATA, metatype);
      for (const name of this.scanner.getAllMethodNames(instance)) {
        const handler = instance[name];
        if (this.reflector.get(METHOD_METADATA, handler) !== RequestMethod.POST) continue;
        if (!takesCallsOnly(metatype, name)) continue;
        const path = this.reflector.get<string>(PATH_METADATA, handler);
        this.add({
          template: [`/v${version}`, base, path].filter((part) => part !== '/').join('/'),
          status: this.reflector.get<number | undefined>(HTTP_CODE_METADATA, handler) ?? 201,
          handle: this.contexts.create(
            instance,
            handler,
            name,
            ROUTE_ARGS_METADATA,
            {
              exchangeKeyForValue: (type: number, data, [call]: [Call]) =>
                type === RouteParamtypes.BODY ? call.body : call.params[String(data)],
            },
            undefined,
            undefined,
            { guards: true, interceptors: false, filters: false },
          ),
        });
      }
    }
  }

  /**
   * The route of a call: the one that the same POST would find over HTTP.
   *
   * @param path percent-encoded, as in a request
   * @throws Problem `not-found`, or `validation-failed` for what is not percent-encoded
   */
  find(path: string): FoundRoute {
    const [pathname = ''] = path.split('?', 1);
    const found = routeBelow(this.root, pathname.split('/'), 0);
    if (found === undefined)
      throw noSuchRoute(`POST ${pathname} that takes calls`, pathname, this.config.role);
    return found;
  }

  private add(route: CallRoute): void {
    let at = this.root;
    for (const segment of route.template.split('/')) {
      if (segment.startsWith(':')) {
        at.any ??= { parameter: segment.slice(1), place: newPlace() };
        at = at.any.place;
      } else {
        const child = at.children.get(segment) ?? newPlace();
        at.children.set(segment, child);
        at = child;
      }
    }
    at.route = route;
  }
}

function takesCallsOnly(controller: object, method: string): boolean {
  const taken: object = Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, method) ?? {};
  return Object.keys(taken).every((key) => {
    const [type = ''] = key.split(':');
    return type.endsWith(CUSTOM_ROUTE_ARGS_METADATA) || TAKEN_FROM_CALLS.includes(type);
  });
}

/**
 * A segment that is a word of some route may as well be a name: where the word leads nowhere it is tried as one, so
 * that a lock may be called `release`.
 */
function routeBelow(at: Place, segments: readonly string[], depth: number): FoundRoute | undefined {
  const segment = segments[depth];
  if (segment === undefined) return at.route && { route: at.route, params: {} };
  const child = at.children.get(segment);
  const byWord = child && routeBelow(child, segments, depth + 1);
  if (byWord !== undefined || at.any === undefined || segment === '') return byWord;
  const byName = routeBelow(at.any.place, segments, depth + 1);
  if (byName === undefined) return undefined;
  return { route: byName.route, params: { ...byName.params, [at.any.parameter]: decode(segment) } };
}

/** @throws ValidationFailed when it is no percent-encoding */
function decode(segment: string): string {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new ValidationFailed([{ path: 'path', message: `${segment} is not percent-encoded UTF-8` }]);
  }
}

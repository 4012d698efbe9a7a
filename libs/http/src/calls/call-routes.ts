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
import { noSuchRoute } from '../problems/route-problems.js';
import type { Call } from './call.js';

/** A handler that can be called over a call stream, with the same guards and pipes as over HTTP. */
export interface CallRoute {
  /** As in `/v1/locks/:name/acquire`. */
  readonly template: string;
  /** Status of a success. */
  readonly status: number;
  readonly handle: (call: Call) => Promise<unknown>;
}

/** A route, and the value of each parameter in the path. */
export interface FoundRoute {
  readonly route: CallRoute;
  readonly params: Record<string, string>;
}

/** A node in the tree of path segments. */
interface Segment {
  readonly children: Map<string, Segment>;
  /** The path parameter at this position, and the segment after it. */
  parameter: { readonly name: string; readonly next: Segment } | undefined;
  route: CallRoute | undefined;
}
const newSegment = (): Segment => ({ children: new Map(), parameter: undefined, route: undefined });

/** Parameters that a call has. Handlers with other parameters can be called only over HTTP. */
const PARAMETERS_OF_CALLS: readonly string[] = [RouteParamtypes.BODY, RouteParamtypes.PARAM].map(String);

/** The routes of call streams: every POST whose handler takes only path parameters, a JSON body and the disconnect signal. */
@Injectable()
export class CallRoutes implements OnModuleInit {
  private readonly root = newSegment();

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
        if (!canBeCalled(metatype, name)) continue;
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
   * The route of a call: the same that a POST to this path finds over HTTP.
   *
   * @param path percent-encoded, as in a request
   * @throws Problem `not-found`, or `validation-failed` when the path is not percent-encoded
   */
  find(path: string): FoundRoute {
    const [pathname = ''] = path.split('?', 1);
    const found = routeBelow(this.root, pathname.split('/'), 0);
    if (found === undefined)
      throw noSuchRoute(`POST ${pathname} for call streams`, pathname, this.config.role);
    return found;
  }

  private add(route: CallRoute): void {
    let at = this.root;
    for (const segment of route.template.split('/')) {
      if (segment.startsWith(':')) {
        at.parameter ??= { name: segment.slice(1), next: newSegment() };
        at = at.parameter.next;
      } else {
        const child = at.children.get(segment) ?? newSegment();
        at.children.set(segment, child);
        at = child;
      }
    }
    at.route = route;
  }
}

function canBeCalled(controller: object, method: string): boolean {
  const parameters: object = Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, method) ?? {};
  return Object.keys(parameters).every((key) => {
    const [type = ''] = key.split(':');
    return type.endsWith(CUSTOM_ROUTE_ARGS_METADATA) || PARAMETERS_OF_CALLS.includes(type);
  });
}

/** Tries a literal segment first, then a parameter, so that a lock may be named `release`. */
function routeBelow(at: Segment, segments: readonly string[], depth: number): FoundRoute | undefined {
  const segment = segments[depth];
  if (segment === undefined) return at.route && { route: at.route, params: {} };
  const child = at.children.get(segment);
  const literal = child && routeBelow(child, segments, depth + 1);
  if (literal !== undefined || at.parameter === undefined || segment === '') return literal;
  const found = routeBelow(at.parameter.next, segments, depth + 1);
  if (found !== undefined) found.params[at.parameter.name] = decode(segment);
  return found;
}

/** @throws ValidationFailed when the segment is not percent-encoded */
function decode(segment: string): string {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new ValidationFailed([{ path: 'path', message: `${segment} is not percent-encoded UTF-8` }]);
  }
}

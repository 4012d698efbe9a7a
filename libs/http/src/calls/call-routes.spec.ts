import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import {
  CUSTOM_ROUTE_ARGS_METADATA,
  HTTP_CODE_METADATA,
  METHOD_METADATA,
  PATH_METADATA,
  ROUTE_ARGS_METADATA,
  RouteParamtypes,
  VERSION_METADATA,
} from '@nestjs/common/internal';
import { Disconnect } from '../request/disconnect.decorator.js';

@Controller({ path: 'things', version: '1' })
class Things {
  @Post(':name/take')
  @HttpCode(200)
  take(@Param('name') _name: string, @Body() _body: object, @Disconnect() _disconnect: unknown): void {}
}

/** Call routes read metadata of Nest. When a new version of Nest changes it, these tests say what changed. */
describe('the Nest metadata that call routes depend on', () => {
  const { take } = Things.prototype;

  it('has path, version, method and status of a handler', () => {
    expect(Reflect.getMetadata(PATH_METADATA, Things)).toBe('things');
    expect(Reflect.getMetadata(VERSION_METADATA, Things)).toBe('1');
    expect(Reflect.getMetadata(PATH_METADATA, take)).toBe(':name/take');
    expect(Reflect.getMetadata(METHOD_METADATA, take)).toBe(1);
    expect(Reflect.getMetadata(HTTP_CODE_METADATA, take)).toBe(200);
  });

  it('has the source of each parameter of a handler', () => {
    const taken: object = Reflect.getMetadata(ROUTE_ARGS_METADATA, Things, 'take');
    const types = Object.keys(taken).map((key) => key.split(':')[0]);
    expect(types).toHaveLength(3);
    expect(types).toEqual(
      expect.arrayContaining([
        String(RouteParamtypes.PARAM),
        String(RouteParamtypes.BODY),
        expect.stringMatching(new RegExp(`${CUSTOM_ROUTE_ARGS_METADATA}$`)),
      ]),
    );
  });
});

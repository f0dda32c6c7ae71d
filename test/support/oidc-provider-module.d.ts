// The package brings no types; these are the parts that the tests use.
declare module 'oidc-provider' {
  import type { IncomingMessage, ServerResponse } from 'node:http'

  type ResourceServer = {
    readonly scope: string
    readonly audience: string
    readonly accessTokenFormat: 'jwt'
    readonly jwt: { readonly sign: { readonly alg: string } }
  }

  type Configuration = {
    readonly jwks: { readonly keys: readonly object[] }
    readonly clients: readonly object[]
    readonly ttl: { readonly ClientCredentials: number }
    readonly features: {
      readonly devInteractions: { readonly enabled: boolean }
      readonly clientCredentials: { readonly enabled: boolean }
      readonly resourceIndicators: {
        readonly enabled: boolean
        readonly getResourceServerInfo: (context: unknown, resource: string) => ResourceServer
      }
    }
  }

  export class Provider {
    constructor(issuer: string, configuration: Configuration)
    callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void>
  }
}

import type { RosterKind } from '../../core/roster/source.ts'

/** How a source is told who asks. */
export type RosterAuth =
  | { readonly type: 'bearer'; readonly token: string }
  /** Clever's: the district's token is looked up with them. */
  | {
      readonly type: 'client_credentials'
      readonly clientId: string
      readonly clientSecret: string
      readonly tokenUrl: string
      readonly districtId: string
    }
  /** OAuth 1.0a with a consumer's key and no token (RFC 5849). */
  | {
      readonly type: 'oauth1'
      readonly consumerKey: string
      readonly consumerSecret: string
      readonly signatureMethod: 'HMAC-SHA1' | 'HMAC-SHA256'
    }
  /** OAuth 2 client credentials (RFC 6749 §4.4). */
  | {
      readonly type: 'oauth2'
      readonly tokenUrl: string
      readonly clientId: string
      readonly clientSecret: string
    }

/** What of a provider's settings says how its source is read, secrets included. */
export type RosterSourceSettings = {
  readonly kind: RosterKind
  /** Of OneRoster; 1.1 unless said. */
  readonly version?: '1.1' | '1.2' | undefined
  /** Everything before the collection's name. */
  readonly baseUrl: string
  readonly auth: RosterAuth
}

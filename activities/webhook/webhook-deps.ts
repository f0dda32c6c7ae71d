import type { Logger } from '../../config/log.ts'
import type { HttpClient } from '../../connectors/http/client.ts'
import type { Mailer } from '../../connectors/smtp/mailer.ts'
import type { TemporalClient } from '../../connectors/temporal.ts'
import type { Compacts } from '../../core/license/compacts.ts'
import type { EndpointKind, WebhookSink } from '../../core/webhook/endpoint.ts'
import type { FieldCipher } from '../../crypto/field-cipher.ts'
import type { Database } from '../../db/client.ts'

export type DeliveryOutcome = 'succeeded' | 'retried' | 'failed' | 'superseded'

/** What telling others works with. */
export type WebhookDeps = {
  readonly db: Database
  /** Where senders are woken; what it does not take now is left to the relay. */
  readonly temporal: TemporalClient
  readonly http: HttpClient
  readonly cipher: FieldCipher
  /** The sinks of kind webhook. */
  readonly sinks: readonly WebhookSink[]
  /** Undefined: no mail is sent. */
  readonly mailer?: Mailer | undefined
  /** Whom digests are mailed to. */
  readonly compacts: Compacts
  /** Where callers reach the API, without a slash at the end: links in mails begin with it. */
  readonly publicUrl: string
  readonly log: Logger
  readonly onDelivery?: ((kind: EndpointKind, outcome: DeliveryOutcome) => void) | undefined
}

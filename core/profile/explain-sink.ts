/** What is known about one person at one sink. */
export type SinkRecord = {
  readonly sink: string
  /** What is known to be there; undefined while nothing is. */
  readonly held: { readonly serial: number; readonly version: number | null } | undefined
  /** Of the person's newest change. */
  readonly newestSerial: number
  /** Whether the newest change was to reach this sink. */
  readonly wanted: boolean
  readonly delivery: DeliveryRecord | undefined
}

export type DeliveryRecord = {
  readonly state: 'pending' | 'succeeded' | 'failed' | 'superseded'
  readonly attempts: number
  readonly errorCode: string | null
}

/** `current`: the newest version is there; `outside`: the newest change is not meant for the sink. */
export type SinkState = 'current' | 'pending' | 'failed' | 'superseded' | 'outside'

export type SinkExplanation = { readonly state: SinkState; readonly why: string }

/** Says where a person stands at a sink, and why. */
export function explainSink(record: SinkRecord): SinkExplanation {
  const { held, newestSerial, wanted, delivery } = record
  if (held && held.serial >= newestSerial)
    return { state: 'current', why: `the sink has change ${held.serial}, the newest` }
  if (!wanted && !delivery)
    return { state: 'outside', why: `the sink was not configured when change ${newestSerial} came` }
  return explainDelivery(
    newestSerial,
    delivery ?? { state: 'pending', attempts: 0, errorCode: null },
  )
}

function explainDelivery(serial: number, delivery: DeliveryRecord): SinkExplanation {
  const { state, attempts, errorCode } = delivery
  const reason = errorCode === null ? '' : ` (${errorCode})`
  switch (state) {
    case 'succeeded':
      return { state: 'current', why: `change ${serial} was delivered` }
    case 'superseded':
      return { state, why: `the sink has something newer than change ${serial}` }
    case 'failed':
      return {
        state,
        why: `change ${serial} was given up after ${count(attempts)}${reason}: re-drive its dead letter`,
      }
    case 'pending':
      return attempts === 0
        ? { state, why: `change ${serial} is on its way` }
        : { state, why: `change ${serial} is tried again after ${count(attempts)}${reason}` }
    default:
      return state satisfies never
  }
}

function count(attempts: number): string {
  return attempts === 1 ? '1 attempt' : `${attempts} attempts`
}

/**
 * What Registrar writes of a person (RFC 7643 §4.1, §4.3). An absent member is cleared where Registrar
 * has written it before, else it is left as it is there.
 */
export type ScimPerson = {
  readonly externalId: string
  readonly userName: string
  readonly name: {
    readonly givenName: string
    readonly familyName: string
    readonly middleName?: string
  }
  readonly displayName: string
  readonly emails: readonly { readonly value: string; readonly primary: true }[]
  readonly active: boolean
  readonly userType: string
  readonly roles: readonly { readonly value: string }[]
  readonly enterprise: {
    readonly employeeNumber?: string
    readonly organization?: string
    readonly division?: string
    readonly department?: string
  }
}

/** What Registrar writes of a school or a section. */
export type ScimGroup = { readonly externalId: string; readonly displayName: string }

export type Adopt = 'externalId' | 'userName'

/** One write that is wanted; `id` is the caller's, `scimId` the target's where it is known. */
export type PersonOrder =
  | { readonly op: 'create'; readonly id: string; readonly after: ScimPerson }
  | {
      readonly op: 'update'
      readonly id: string
      readonly scimId: string
      readonly before: ScimPerson
      readonly after: ScimPerson
    }
  | {
      readonly op: 'deactivate'
      readonly id: string
      readonly scimId: string
      readonly externalId: string
    }
  | { readonly op: 'delete'; readonly id: string; readonly scimId: string }
  | {
      readonly op: 'entitle'
      readonly id: string
      readonly scimId: string
      readonly entitlements: readonly string[]
    }

export type GroupOrder =
  | { readonly op: 'create'; readonly id: string; readonly after: ScimGroup }
  | {
      readonly op: 'update'
      readonly id: string
      readonly scimId: string
      readonly before: ScimGroup
      readonly after: ScimGroup
    }
  | { readonly op: 'delete'; readonly id: string; readonly scimId: string }

export type MembersOrder = {
  readonly id: string
  readonly scimId: string
  /** Ids of the target. */
  readonly add: readonly string[]
  readonly remove: readonly string[]
}

/** What became of one order. */
export type Verdict =
  | {
      readonly id: string
      readonly outcome: 'done' | 'adopted' | 'unchanged'
      readonly scimId: string
      readonly attempts: number
    }
  | {
      readonly id: string
      readonly outcome: 'failed'
      readonly code: string
      /** For people, without the record's values. */
      readonly message: string
      readonly attempts: number
    }

export type MembersVerdict = Verdict & {
  /** Members of `add` that the target refused, one by one; the rest was applied. */
  readonly refused: readonly { readonly member: string; readonly code: string }[]
}

export type TargetPerson = {
  readonly scimId: string
  readonly externalId?: string
  readonly userName: string
  readonly active: boolean
  readonly entitlements: readonly string[]
  /** What of `ScimPerson` the target holds, to compare. */
  readonly person: Partial<ScimPerson>
}

export type TargetGroup = {
  readonly scimId: string
  readonly externalId?: string
  readonly displayName: string
  /** Ids of the target; absent where it does not say: it has none, or keeps them to itself here. */
  readonly members?: readonly string[]
}

/** A page from `startIndex` (RFC 7644 §3.4.2.4, 1-based). */
export type TargetPage = {
  readonly startIndex: number
  readonly count: number
  readonly signal: AbortSignal
}

/**
 * A SCIM 2.0 service provider (RFC 7644). A record's own failure is its verdict; what concerns all
 * of them is thrown: `target_unauthorized` (401, 403), `target_unreachable` (503), `call_aborted`.
 */
export type ScimTarget = {
  /** Verdicts as they come, one for each order; a stop comes between two calls, or breaks one off. */
  readonly writePeople: (
    orders: readonly PersonOrder[],
    options: WriteOptions<Verdict>,
  ) => Promise<void>
  readonly writeGroups: (
    orders: readonly GroupOrder[],
    options: WriteOptions<Verdict>,
  ) => Promise<void>
  readonly writeMembers: (
    orders: readonly MembersOrder[],
    options: WriteOptions<MembersVerdict>,
  ) => Promise<void>
  /** A page of the target's people. */
  readonly listPeople: (
    page: TargetPage,
  ) => Promise<{ readonly people: readonly TargetPerson[]; readonly total: number }>
  /** A page of the target's groups. */
  readonly listGroups: (
    page: TargetPage,
  ) => Promise<{ readonly groups: readonly TargetGroup[]; readonly total: number }>
  /** One group, with its members where the target says them at all; undefined where it is gone. */
  readonly readGroup: (scimId: string, signal: AbortSignal) => Promise<TargetGroup | undefined>
  /** Throws unless the target answers as SCIM with these credentials. */
  readonly check: (signal: AbortSignal) => Promise<void>
  readonly close: () => void
}

export type WriteOptions<V> = {
  readonly signal: AbortSignal
  /** Called with some verdicts at a time; what it is about is over once it has resolved. */
  readonly onVerdicts: (verdicts: readonly V[]) => Promise<void>
}

import { displays, type Classification, type Display, type PublisherName } from './document.ts'

/** `string` and `boolean` stand in `value`, `values` (text by name) and `access` (anything by name) in `values`. */
export type AttributeKind = 'string' | 'boolean' | 'values' | 'access'

/** What holds for one leaf, whoever publishes it. */
export type AttributeRule = {
  readonly kind: AttributeKind
  /** `values` may be a list of texts as well: old publishers send tags so. */
  readonly acceptsList?: boolean
  readonly classification: Classification
  /** Allowed audiences, null for nobody's; the first is the null profile's. */
  readonly displays: readonly (Display | null)[]
  /** Whose signature the null profile names. */
  readonly publisher: PublisherName
  /** Who may set it while it is null, and who may change it once it is set. */
  readonly create: readonly PublisherName[]
  readonly update: readonly PublisherName[]
}

/** A leaf by its dotted path, such as `first_name` or `identities.github_id_v3`. */
export type LeafPath = string

/** Groups of attributes, which are documents of their own within a profile. */
export const attributeGroups = ['identities', 'access_information', 'staff_information'] as const

const PUBLIC_ONLY = ['public'] as const
const NOBODY = [null] as const
const ANY = [null, ...displays] as const
const STAFF_FIRST = [
  'staff',
  null,
  'public',
  'authenticated',
  'vouched',
  'ndaed',
  'private',
] as const
const MEMBERS = [null, 'vouched', 'ndaed', 'staff', 'private'] as const
const COLLEAGUES = ['ndaed', 'staff'] as const
const STAFF_ONLY = ['staff'] as const

const WORKGROUP = 'WORKGROUP CONFIDENTIAL'
const WORKGROUP_STAFF = 'WORKGROUP CONFIDENTIAL: STAFF ONLY'

const PULLED = ['ldap', 'hris', 'access_provider'] as const
const ALL_BUT_CIS = ['ldap', 'hris', 'access_provider', 'mozilliansorg'] as const
const PERSON = ['mozilliansorg'] as const

const identity = {
  kind: 'string',
  classification: WORKGROUP,
  displays: ANY,
  publisher: 'mozilliansorg',
  create: ALL_BUT_CIS,
  update: PERSON,
} as const
const ownWords = { ...identity, create: ['ldap', 'mozilliansorg'] } as const
const name = { ...identity, classification: 'PUBLIC' } as const
const work = {
  kind: 'string',
  classification: 'MOZILLA CONFIDENTIAL',
  displays: COLLEAGUES,
  publisher: 'hris',
  create: ['ldap', 'hris'],
  update: ['hris'],
} as const
const login = {
  kind: 'string',
  classification: 'PUBLIC',
  displays: ANY,
  publisher: 'access_provider',
  create: PULLED,
  update: ['access_provider'],
} as const
const stamp = {
  ...login,
  publisher: 'cis',
  create: ['ldap', 'hris', 'cis', 'access_provider'],
  update: ['cis'],
} as const
const key = {
  kind: 'values',
  classification: 'PUBLIC',
  displays: ANY,
  publisher: 'ldap',
  create: ['ldap'],
  update: ['ldap'],
} as const
const ofServer = {
  kind: 'string',
  classification: 'PUBLIC',
  displays: PUBLIC_ONLY,
  publisher: 'cis',
} as const
const directory = { ...identity, displays: STAFF_FIRST, create: PULLED } as const

/** The one source of kinds, classifications, audiences and publishers: the 53 leaves in the document's order. */
export const attributeRules: Readonly<Record<LeafPath, AttributeRule>> = {
  uuid: { ...ofServer, create: ['cis'], update: [] },
  user_id: login,
  primary_username: { ...ofServer, create: ['cis'], update: PERSON },
  login_method: login,
  active: {
    kind: 'boolean',
    classification: WORKGROUP,
    displays: NOBODY,
    publisher: 'access_provider',
    create: ['ldap', 'hris', 'access_provider', 'cis'],
    update: ['cis'],
  },
  last_modified: stamp,
  created: stamp,
  usernames: { ...identity, kind: 'values', create: ['ldap', 'access_provider', 'mozilliansorg'] },
  pronouns: ownWords,
  first_name: name,
  last_name: name,
  alternative_name: ownWords,
  primary_email: login,
  'identities.github_id_v3': identity,
  'identities.github_id_v4': identity,
  'identities.github_primary_email': identity,
  'identities.mozilliansorg_id': identity,
  'identities.bugzilla_mozilla_org_id': identity,
  'identities.bugzilla_mozilla_org_primary_email': identity,
  'identities.mozilla_ldap_id': { ...directory, displays: STAFF_ONLY },
  'identities.mozilla_ldap_primary_email': directory,
  'identities.mozilla_posix_id': directory,
  'identities.google_oauth2_id': identity,
  'identities.google_primary_email': identity,
  'identities.firefox_accounts_id': identity,
  'identities.firefox_accounts_primary_email': identity,
  'identities.custom_1_primary_email': identity,
  'identities.custom_2_primary_email': identity,
  'identities.custom_3_primary_email': identity,
  ssh_public_keys: key,
  pgp_public_keys: key,
  'access_information.ldap': {
    kind: 'access',
    classification: 'PUBLIC',
    displays: MEMBERS,
    publisher: 'ldap',
    create: ['ldap'],
    update: ['ldap'],
  },
  'access_information.hris': {
    kind: 'access',
    classification: WORKGROUP_STAFF,
    displays: NOBODY,
    publisher: 'hris',
    create: ['hris'],
    update: ['hris'],
  },
  'access_information.mozilliansorg': {
    kind: 'access',
    classification: 'PUBLIC',
    displays: ANY,
    publisher: 'mozilliansorg',
    create: PERSON,
    update: PERSON,
  },
  'access_information.access_provider': {
    kind: 'access',
    classification: WORKGROUP,
    displays: NOBODY,
    publisher: 'access_provider',
    create: ['access_provider'],
    update: ['access_provider'],
  },
  fun_title: ownWords,
  description: ownWords,
  location: ownWords,
  timezone: { ...identity, create: ['hris', 'ldap', 'mozilliansorg'] },
  languages: { ...ownWords, kind: 'values' },
  tags: { ...ownWords, kind: 'values', acceptsList: true },
  picture: { ...ownWords, classification: 'PUBLIC' },
  uris: { ...ownWords, kind: 'values' },
  phone_numbers: { ...ownWords, kind: 'values' },
  'staff_information.manager': { ...work, kind: 'boolean' },
  'staff_information.director': { ...work, kind: 'boolean' },
  'staff_information.staff': { ...work, kind: 'boolean' },
  'staff_information.title': work,
  'staff_information.team': work,
  'staff_information.cost_center': {
    ...work,
    classification: WORKGROUP_STAFF,
    displays: STAFF_ONLY,
  },
  'staff_information.worker_type': {
    ...work,
    classification: WORKGROUP_STAFF,
    displays: STAFF_ONLY,
  },
  'staff_information.wpr_desk_number': work,
  'staff_information.office_location': work,
}

/** The dotted paths of all leaves, in the document's order. */
export const leafPaths: readonly LeafPath[] = Object.keys(attributeRules)

/** The rule of a leaf; undefined for anything that is no path of one. */
export function findAttributeRule(path: string): AttributeRule | undefined {
  return Object.hasOwn(attributeRules, path) ? attributeRules[path] : undefined
}

/** The member of an attribute that holds its content. */
export function contentMemberOf(rule: Pick<AttributeRule, 'kind'>): 'value' | 'values' {
  return rule.kind === 'string' || rule.kind === 'boolean' ? 'value' : 'values'
}

/** Something for every leaf, under its name at the top or within its group's, in the document's order. */
export type ByLeaf<T> = Readonly<Record<string, T | Readonly<Record<string, T>>>>

/** Lays out what `create` makes of each rule as a profile is laid out. */
export function mapLeaves<T>(create: (rule: AttributeRule) => T): ByLeaf<T> {
  const mapped: Record<string, T | Record<string, T>> = {}
  for (const [path, rule] of Object.entries(attributeRules)) {
    const [name = '', leaf] = path.split('.')
    if (leaf === undefined) mapped[name] = create(rule)
    else mapped[name] = { ...(mapped[name] as Record<string, T> | undefined), [leaf]: create(rule) }
  }
  return mapped
}

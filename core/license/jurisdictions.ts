/** The 53 jurisdictions of the compacts: lower-case USPS codes of the states, `dc`, `pr` and `vi`. */
export const jurisdictions: readonly string[] = [
  'al ak az ar ca co ct de fl ga hi id il in ia ks ky la me md ma mi mn ms mo mt ne nv nh nj nm',
  'ny nc nd oh ok or pa ri sc sd tn tx ut vt va wa wv wi wy dc pr vi',
].flatMap((line) => line.split(' '))

const known: ReadonlySet<string> = new Set(jurisdictions)

/** True when `code` is the code of a jurisdiction, in lower case. */
export function isJurisdiction(code: string): boolean {
  return known.has(code)
}

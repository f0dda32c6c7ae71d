/** What an approver is told in one mail: ids, types and times, nobody's data. */
export type ApprovalDigestContent = {
  readonly digestId: string
  /** How many there are; `items` may be the first of them. */
  readonly approvals: number
  readonly items: readonly {
    readonly approvalId: string
    readonly type: string
    readonly reasons: readonly string[]
    readonly expiresAt: string
  }[]
}

/** The mail that an approver gets of what has become their turn. */
export function formatApprovalDigestMail(
  { approvals, items }: ApprovalDigestContent,
  publicUrl: string,
): { readonly subject: string; readonly text: string } {
  const noun = approvals === 1 ? '1 approval waits' : `${approvals} approvals wait`
  const lines = items.flatMap(({ approvalId, type, reasons, expiresAt }) => [
    `${type} (${reasons.join(', ')}), until ${expiresAt}`,
    `  ${publicUrl}/v1/approvals/${approvalId}`,
  ])
  const more = approvals - items.length
  const text = [
    `${noun} for you to decide.`,
    [...lines, ...(more > 0 ? [`${more} more`] : [])].join('\n'),
    `All that waits for you: ${publicUrl}/v1/approvals?mine=true`,
  ]
  return { subject: `${noun} for your vote`, text: `${text.join('\n\n')}\n` }
}

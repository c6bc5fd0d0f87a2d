import { isUtf8 } from 'node:buffer'
import { z } from 'zod'

/**
 * One line of a capture: what went over the network, when. Sockets and requests are numbered from 1 in the order they were
 * begun in. Bytes stand as text where they are UTF-8, else in base64, so that they come out again as they were.
 */
const stamped = { atMs: z.number() }
const bytes = { text: z.string().optional(), base64: z.string().optional() }
const refusing = { status: z.int().optional(), retryAfterMs: z.number().optional() }
const socket = z.int().positive()
const request = z.int().positive()

export const CaptureLine = z.discriminatedUnion('does', [
  /** Stands first in every file; `part` counts the files of one capture from 1. */
  z.object({ does: z.literal('begin'), ...stamped, capture: z.literal(1), part: z.int(), about: z.string() }),
  z.object({ does: z.literal('open'), ...stamped, socket, url: z.string() }),
  z.object({ does: z.literal('opened'), ...stamped, socket }),
  z.object({ does: z.literal('frame'), ...stamped, socket, ...bytes }),
  z.object({ does: z.literal('send'), ...stamped, socket, text: z.string() }),
  z.object({ does: z.literal('close'), ...stamped, socket, message: z.string(), ...refusing }),
  /** We closed it: `close` does not come of that. */
  z.object({ does: z.literal('cut'), ...stamped, socket }),
  z.object({ does: z.literal('ask'), ...stamped, request, method: z.enum(['GET', 'POST']), url: z.string() }),
  z.object({ does: z.literal('body'), ...stamped, request, ...bytes }),
  z.object({ does: z.literal('refused'), ...stamped, request, message: z.string(), ...refusing }),
  z.object({ does: z.literal('failed'), ...stamped, request, message: z.string() }),
])
export type CaptureLine = z.infer<typeof CaptureLine>

/** A line before it is stamped. */
export type CaptureEntry = CaptureLine extends infer Line
  ? Line extends unknown
    ? Omit<Line, 'atMs'>
    : never
  : never

type Held = { readonly text?: string | undefined; readonly base64?: string | undefined }

export function holdBytes(frame: Uint8Array): { text: string } | { base64: string } {
  const buffer = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength)
  return isUtf8(buffer) ? { text: buffer.toString('utf8') } : { base64: buffer.toString('base64') }
}

export function heldBytes({ text, base64 }: Held): Uint8Array {
  return base64 === undefined ? Buffer.from(text ?? '', 'utf8') : Buffer.from(base64, 'base64')
}

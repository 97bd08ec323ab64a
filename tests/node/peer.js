'use strict'
// A small IRC client with npm's `otr`, which shares no line with libotr. The harness gives orders
// and reads what happened, line by line, over a connection of its own:
//
//   node peer.js IRC_PORT HARNESS_PORT NICK VERSIONS [KEY]
//
// VERSIONS is 2, 3 or 23; KEY a key that another peer has printed.

const crypto = require('crypto')
const net = require('net')
const { DSA, OTR } = require('otr')
const { Hex } = require('otr/vendor/crypto.js').enc

const numbers = require('otr/vendor/bigint.js')

// `otr` makes a number of the key of a commitment and loses its leading zeros, the digits here and
// the bytes there: one key exchange of sixteen would fail.
const random = numbers.randBigInt
numbers.randBigInt = (bits, top) => random(bits, bits === 128 ? 1 : top)
const parse = Hex.parse
Hex.parse = digits => parse.call(Hex, digits.padStart(32, '0'))

// Its own exponentiation takes most of a second of each key exchange.
const big = number => BigInt('0x' + numbers.bigInt2str(number, 16))
numbers.powMod = (base, exponent, modulus) =>
  numbers.str2bigInt(power(big(base), big(exponent), big(modulus)).toString(16), 16)

const [ircPort, harnessPort, nick, versions, packed] = process.argv.slice(2)
const key = packed ? DSA.parsePrivate(packed) : newKey()
const instanceTag = OTR.makeInstanceTag()
const conversations = new Map()

const harness = net.connect(Number(harnessPort), '127.0.0.1')
let irc
harness.on('close', () => process.exit(0))
// Nothing is returned: `otr` drops a listener that returns true.
const tell = (...words) => { harness.write(words.join(' ').replace(/[\r\n]/g, '␤') + '\n') }
const put = line => { irc.write(line + '\r\n') }

/// Keys and conversations stay when it comes again.
function connect () {
  irc = net.connect(Number(ircPort), '127.0.0.1')
  put(`NICK ${nick}`)
  // A user name of its own, without letters that servers refuse in one.
  put(`USER u${Buffer.from(nick).toString('hex').slice(-8)} 0 * :${nick}`)
  onLines(irc, hear)
  irc.on('close', () => tell('closed'))
}

function hear (line) {
  const parsed = /^(?::([^ !]+)\S* )?(\S+) ?([^:]*?) ?(?::(.*))?$/.exec(line)
  if (!parsed) return
  const [, from, command, , text] = parsed
  if (command === 'PING') put(`PONG :${text}`)
  if (command === '001') {
    tell('key', key.packPrivate())
    tell('ready', grouped(key.fingerprint()))
  }
  if (command === 'PRIVMSG') {
    tell('wire', from, text)
    conversation(from).receiveMsg(text)
  }
  if (command === 'NOTICE' && from) tell('notice', from, text)
}

const orders = {
  say: ({ to, text }) => conversation(to).sendMsg(text),
  start: ({ to }) => conversation(to).sendQueryMsg(),
  end: ({ to }) => conversation(to).endOtr(),
  smp: ({ to, secret, question }) => conversation(to).smpSecret(secret, question),
  abort: ({ to }) => conversation(to).sm.abort(),
  raw: ({ line }) => put(line),
  reconnect: connect,
  // From now on other numbers stand where its public key belongs; the real one still signs.
  claim: ({ to, numbers }) => {
    const fields = numbers.map(digits => Buffer.from(digits, 'hex'))
    const claimed = Buffer.concat([Buffer.alloc(2), ...fields.map(withLength)])
    const liar = Object.create(key, { packPublic: { value: () => claimed.toString('latin1') } })
    conversation(to).priv = liar
  },
  // One encrypted message as a whole line, for the harness to cut as a gateway would.
  encrypt: ({ to, text }) => {
    const otr = conversation(to)
    const size = otr.fragment_size
    otr.fragment_size = 0
    const bytes = Buffer.from(text, 'utf8').toString('latin1')
    tell('encrypted', otr.prepareMsg(bytes))
    otr.fragment_size = size
  }
}

onLines(harness, line => {
  const order = JSON.parse(line)
  orders[order.do](order)
})
connect()

/// The conversation with a nick, made where there is none.
function conversation (who) {
  const name = who.toLowerCase()
  if (!conversations.has(name)) conversations.set(name, begin(who))
  return conversations.get(name)
}

function begin (who) {
  const otr = new OTR({ priv: key, fragment_size: 300, instance_tag: instanceTag })
  otr.ALLOW_V2 = versions.includes('2')
  otr.ALLOW_V3 = versions.includes('3')
  otr.WHITESPACE_START_AKE = true
  otr.on('io', text => put(`PRIVMSG ${who} :${text}`))
  otr.on('ui', (text, encrypted) => tell(encrypted ? 'private' : 'clear', who, text))
  otr.on('error', (error, severity) => tell('complaint', who, severity, error))
  otr.on('status', state => {
    if (state === OTR.CONST.STATUS_AKE_SUCCESS) {
      const version = otr.ake.otr_version === OTR.CONST.OTR_VERSION_3 ? 'v3' : 'v2'
      tell('secured', who, version, grouped(otr.their_priv_pk.fingerprint()))
    }
    const finished = otr.msgstate === OTR.CONST.MSGSTATE_FINISHED
    if (state === OTR.CONST.STATUS_END_OTR && finished) tell('finished', who)
  })
  otr.on('smp', (type, data, act) => {
    if (type === 'question') tell('asked', who, data || '')
    if (type === 'trust') tell('smp', who, data ? 'success' : 'failure', act)
    if (type === 'abort') tell('aborted', who)
  })
  return otr
}

/// `otr` takes seconds to make a key; OpenSSL makes one at once, whose numbers are taken over.
function newKey () {
  const lengths = { modulusLength: 1024, divisorLength: 160 }
  const { privateKey } = crypto.generateKeyPairSync('dsa', lengths)
  const found = integers(privateKey.export({ type: 'pkcs8', format: 'der' }))
  const [p, q, g, x] = found.slice(1).map(bytes => BigInt('0x' + bytes.toString('hex')))
  const packed = [p, q, g, power(g, x, p), x].map(number => {
    const digits = number.toString(16)
    const bytes = Buffer.from(digits.padStart(digits.length + digits.length % 2, '0'), 'hex')
    return withLength(bytes)
  })
  const type = Buffer.alloc(2)
  return DSA.parsePrivate(Buffer.concat([type, ...packed]).toString('base64'))
}

function withLength (bytes) {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}

/// The INTEGERs in DER, in order.
function integers (der) {
  const found = []
  for (let at = 0; at < der.length;) {
    const type = der[at]
    let length = der[at + 1]
    at += 2
    if (length > 127) {
      const bytes = length - 128
      length = der.readUIntBE(at, bytes)
      at += bytes
    }
    const content = der.subarray(at, at + length)
    if (type === 0x02) found.push(content)
    if (type === 0x30 || type === 0x04) found.push(...integers(content))
    at += length
  }
  return found
}

function power (base, exponent, modulus) {
  let result = 1n
  for (; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) result = result * base % modulus
    base = base * base % modulus
  }
  return result
}

function grouped (fingerprint) {
  return fingerprint.toUpperCase().match(/.{8}/g).join(' ')
}

function onLines (socket, each) {
  let pending = ''
  socket.setEncoding('utf8')
  socket.on('data', data => {
    pending += data
    const lines = pending.split('\n')
    pending = lines.pop()
    lines.forEach(line => each(line.replace(/\r$/, '')))
  })
}

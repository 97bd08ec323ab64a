'use strict'
// A real browser, by puppeteer. The harness gives orders, one JSON object per line, and reads one line of
// JSON for each, over a connection of its own:
//
//   node browser.js HARNESS_PORT DIRECTORY
//
// Nothing but 127.0.0.1 is ever looked up.

const net = require('net')
const readline = require('readline')
const jsQR = require('jsqr')
const { PNG } = require('pngjs')
const puppeteer = require('puppeteer-core')

const [harnessPort, directory] = process.argv.slice(2)
const orders = {
  script: (page, { on }) => page.setJavaScriptEnabled(on),
  size: (page, { width, height }) => page.setViewport({ width, height }),
  open: (page, { url }) => page.goto(url),
  // Fills fields in, by name, and presses a button. All of it in one call into the page, which renews itself:
  // a form that was found by a call before may be no part of it any more, and its button does nothing.
  press: async (page, { form, fields, button }) => {
    const left = page.waitForNavigation()
    const pressed = page.evaluate((selector, fields, button) => {
      for (const form of document.querySelectorAll(selector)) {
        const found = form.querySelector(button ? `button[value="${button}"]` : '[type=submit]')
        if (!found) continue
        for (const [name, value] of Object.entries(fields)) {
          const field = form.querySelector(`[name="${name}"]`)
          if (field.type === 'checkbox') field.checked = value === 'yes'
          else field.value = value
        }
        return found.click()
      }
      throw new Error(`no button ${button} in ${document.body.innerText}`)
    }, form, fields, button)
    // A page that leaves at once may not say any more that its button was pressed: what counts is the next page.
    pressed.catch(() => {})
    left.catch(() => {})
    await Promise.race([left, pressed.then(() => left, error => isOnItsWay(error) ? left : Promise.reject(error))])
  },
  text: page => page.evaluate(() => document.body.innerText),
  ask: (page, { what }) => page.evaluate(what),
  picture: (page, { path, whole }) => page.screenshot({ path, fullPage: whole }),
  // A QR code as a camera sees it; nothing where it sees none. Its place is found in one call, see above.
  qr: async (page, { selector }) => {
    const clip = await page.evaluate(selector => {
      const { x, y, width, height } = document.querySelector(selector).getBoundingClientRect()
      return { x: x + window.scrollX, y: y + window.scrollY, width, height }
    }, selector)
    const { data, width, height } = PNG.sync.read(Buffer.from(await page.screenshot({ clip })))
    return jsQR(new Uint8ClampedArray(data), width, height)?.data
  }
}

// What was looked at was on its way out. Looking changes nothing, so it is done again.
const isOnItsWay = error => /context|detached|destroyed/i.test(error.message)

// Chromium, with others on its processors, has left orders without an answer for as long as it was asked.
const isStuck = error => /time(d )?out/i.test(error.message)

const strange = []
// How many forms were sent, and how many browsers were started.
let posts = 0
let launched = 0

async function launch () {
  const browser = await puppeteer.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium-headless-shell',
    headless: 'shell',
    userDataDir: `${directory}/profile-${launched++}`,
    // The browser ends where the other end of its pipe does, whatever ended us.
    pipe: true,
    protocolTimeout: 15000,
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage',
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1']
  })
  const page = await browser.newPage()
  page.setDefaultNavigationTimeout(15000)
  page.on('dialog', dialog => { strange.push(dialog.message()); dialog.dismiss() })
  page.on('request', request => {
    if (request.method() === 'POST') posts++
    if (!request.url().startsWith('http://127.0.0.1:')) strange.push(request.url())
  })
  page.on('console', message => {
    const where = message.location().url || ''
    // The jQuery of ZNC's skins tries out what the browser can do, and is refused.
    const skin = /\/pub\/jquery[^/]*\.js$/.test(where)
    if (message.type() === 'error' && !skin) strange.push(`${message.text()} ${where}`)
  })
  return { browser, page }
}

// Another browser in the place of one that is stuck: who was logged in still is, the same page is open, and
// it is set up the same.
async function relaunch (stuck, settings, cookies) {
  const url = stuck.page.url()
  stuck.browser.process().kill('SIGKILL')
  const fresh = await launch()
  await fresh.browser.setCookie(...cookies)
  for (const setting of Object.values(settings)) await orders[setting.do](fresh.page, setting)
  await fresh.page.goto(url)
  return fresh
}

async function main () {
  orders.strange = () => strange
  let current = await launch()
  // The last order of each kind that holds for all later pages, and who is logged in.
  const settings = {}
  let cookies = []

  const harness = net.connect(Number(harnessPort), '127.0.0.1')
  const answer = what => harness.write(JSON.stringify(what) + '\n')
  answer({ ready: await current.browser.version() })
  for await (const line of readline.createInterface({ input: harness })) {
    const order = JSON.parse(line)
    if (order.do === 'script' || order.do === 'size') settings[order.do] = order
    const sent = posts
    for (let attempt = 0; ; attempt++) {
      try {
        // A button whose form has left is not pressed twice.
        const value = order.do === 'press' && posts > sent ? null : await orders[order.do](current.page, order)
        if (order.do === 'press') cookies = await current.browser.cookies()
        answer({ value: typeof value === 'string' || Array.isArray(value) || typeof value === 'boolean' ? value : null })
        break
      } catch (error) {
        if (attempt < 20 && isStuck(error)) {
          console.error(`stuck at ${order.do}: ${error.message}`)
          current = await relaunch(current, settings, cookies)
          continue
        }
        if (attempt < 20 && order.do !== 'press' && isOnItsWay(error)) {
          await new Promise(resolve => setTimeout(resolve, 50))
          continue
        }
        answer({ error: error.message })
        break
      }
    }
  }
  await current.browser.close()
  process.exit(0)
}

main().catch(error => {
  console.error(error)
  process.exit(1)
})

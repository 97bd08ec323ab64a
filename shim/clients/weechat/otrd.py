# Shows in WeeChat how the private conversations stand that ZNC's module otr holds, and brings the
# module's commands as /otr. Needs WeeChat 2.6 or newer with Python 3. See ../README.md.
#
# The module tells a client that says "listen" to *otr: OTR <peer> <state> <trust> <fingerprint> :<policy>.
# Behind the module nobody on the network can say that. Without it anybody can, so what is said counts
# only once ZNC has shown that the module is there: see answered().

import secrets

try:
    import weechat
except ImportError as error:
    raise SystemExit('This is a script for WeeChat: /script load otrd.py') from error

NAME, VERSION = 'otrd', '0.1.0'
# Commands that mean the nick of the query where none is named.
OF_QUERY = ['info', 'start', 'refresh', 'finish', 'trust', 'distrust', 'auth', 'authq', 'authabort']
OTHERS = ['help', 'policy', 'ignore', 'enable', 'forget', 'fingerprint', 'genkey', 'listen', 'mark',
          'status', 'version']
POLICIES = ['never', 'manual', 'opportunistic', 'required', 'default']
SECRETS = ['auth', 'authq']
OPTIONS = {
    'servers': ('*', 'servers that are your ZNC, with blanks between; * for all that say they are'),
    'prefix': ('*', 'what the names of ZNC\'s modules begin with (StatusPrefix)'),
    'color_verified': ('green', 'colour of a private conversation with a key that you trust'),
    'color_unverified': ('yellow', 'colour of one with a key that you do not trust yet, or that begins'),
    'color_clear': ('default', 'colour of what is not private'),
    'color_blocked': ('lightred', 'colour of what needs you before anything goes out'),
}

options = {}
servers = {}   # by name: Server
prompt = {}    # the secret that is asked for: buffer, server, command, back


class Server:
    """What the module otr of one ZNC said."""

    def __init__(self, before):
        self.link = 'asked'   # then up, down (otrd is gone), missing (the module) or old
        self.before = before  # the link when we asked again
        self.token = secrets.token_hex(8)
        self.heard = ''       # of otrd or the module, while the answer to listen is awaited
        self.missing = False
        self.peers = {}       # by the nick in the server's small letters


# What is said to the module.

def otr_nick():
    return options['prefix'] + 'otr'


def send(server, line):
    """A line that leaves no trace in WeeChat: no buffer, no log, no history."""
    buffer = weechat.info_get('irc_buffer', server)
    weechat.command(buffer, '/quote -server %s %s' % (server, line))


def say(server, words):
    send(server, 'PRIVMSG %s :%s' % (otr_nick(), words))


def listen(server):
    known = servers.get(server)
    servers[server] = Server((known.before if known.link == 'asked' else known.link) if known else '')
    say(server, 'listen')
    send(server, 'PING :otrd-' + servers[server].token)
    redraw()


def is_znc(server):
    """ZNC offers capabilities of its own, and so can a server that means to deceive: see `servers`."""
    allowed = options['servers'].split()
    if '*' not in allowed and server not in allowed:
        return False
    hdata = weechat.hdata_get('irc_server')
    pointer = weechat.hdata_get_list(hdata, 'irc_servers')
    while pointer:
        if weechat.hdata_string(hdata, pointer, 'name') == server:
            return any(name.startswith('znc.in/')
                       for name in weechat.hdata_hashtable(hdata, pointer, 'cap_ls'))
        pointer = weechat.hdata_move(hdata, pointer, 1)
    return False


# What the module says.

def parse(line):
    return weechat.info_get_hashtable('irc_message_parse', {'message': line})


def lower(server, nick):
    """A nick as the server compares it."""
    mapping = weechat.info_get('irc_server_isupport_value', server + ',CASEMAPPING')
    small = ''.join(c.lower() if c.isascii() else c for c in nick)
    if mapping in ('', 'rfc1459', 'rfc1459-strict', 'strict-rfc1459'):
        small = small.translate(str.maketrans('[]\\', '{}|'))
    if mapping in ('', 'rfc1459'):
        small = small.replace('~', '^')
    return small


def otr_line(data, modifier, server, line):
    """OTR is no command of IRC: nobody but us is to see it."""
    known, parsed = servers.get(server), parse(line)
    words = parsed.get('arguments', '').split(' ')
    source = '%s!otr@znc.in' % otr_nick()
    if not known or known.link == 'missing' or parsed.get('host') != source or len(words) != 5:
        return ''
    peer, state, trust, fingerprint, policy = words
    if peer == '*' and state == 'unloaded':
        known.link = 'missing'
        known.peers.clear()
    elif peer == '*':
        known.heard = 'up' if state == 'up' else 'down'
        if known.link != 'asked':
            known.link = known.heard
    else:
        known.peers[lower(server, peer)] = {
            'nick': peer, 'state': state, 'trust': trust, 'fingerprint': fingerprint,
            'policy': policy[1:] if policy.startswith(':') else policy}
        if state == 'clear' and known.peers[lower(server, peer)]['policy'] != 'required':
            del known.peers[lower(server, peer)]
    redraw()
    return ''


def private_message(data, modifier, server, line):
    known = servers.get(server)
    if not known:
        return line
    parsed = parse(line)
    nick, text = parsed.get('nick', ''), parsed.get('text', '')
    # Where ZNC echoes, what we said to the module is not for the screen.
    if parsed.get('channel') == otr_nick() and nick == weechat.info_get('irc_nick', server):
        return '' if text.split(' ')[0].lower() in SECRETS + ['listen'] else line
    if nick == otr_nick() and known.link == 'asked' and 'told how conversations stand' in text:
        known.heard = known.heard or 'up'
        return ''
    if nick == options['prefix'] + 'status' and 'otr' in text:
        if known.link == 'asked':
            known.missing = True
            return ''
        if known.link == 'missing':
            listen(server)  # it may have been loaded just now
    return line


def answered(data, modifier, server, line):
    """ZNC answers in order, and nobody else knows the token: by now it has said that there is no
    module otr, or there is one."""
    known = servers.get(server)
    if not known or 'otrd-' + known.token not in line:
        return line
    if known.link == 'asked':
        known.link = 'missing' if known.missing else known.heard or 'old'
    if known.link == 'missing':
        known.peers.clear()
    if known.link == 'missing' != known.before:
        complain(weechat.info_get('irc_buffer', server),
                 'ZNC has no module otr on this network. To load it: /msg %sstatus loadmod '
                 '--type=network otr' % options['prefix'])
    if known.link == 'old' != known.before:
        complain(weechat.info_get('irc_buffer', server),
                 'ZNC\'s module otr, or otrd, does not tell how conversations stand: update it')
    redraw()
    return ''


def welcomed(data, modifier, server, line):
    """ZNC says 001 when one logs in, and when it shows another network."""
    if server in servers:
        listen(server)
    return line


def connected(data, signal, server):
    if is_znc(server):
        listen(server)
    return weechat.WEECHAT_RC_OK


def look_again(data, calls):
    """Whoever loads the module may do that in another client."""
    for server in [name for name, known in servers.items() if known.link in ('missing', 'old')]:
        listen(server)
    return weechat.WEECHAT_RC_OK


def disconnected(data, signal, server):
    servers.pop(server, None)
    if prompt.get('server') == server:
        close_prompt()
    redraw()
    return weechat.WEECHAT_RC_OK


# What is shown.

def query(buffer):
    """The server and the nick of a query; of other buffers the server alone."""
    server = weechat.buffer_get_string(buffer, 'localvar_server')
    if weechat.buffer_get_string(buffer, 'localvar_type') != 'private':
        return server, ''
    nick = weechat.buffer_get_string(buffer, 'localvar_channel')
    return server, '' if nick.startswith(options['prefix']) else nick


def words_of(server, nick):
    """What the bar says, and its colour."""
    known = servers.get(server)
    if not known:
        return '', 'clear'
    link = known.before if known.link == 'asked' else known.link
    if link == 'missing':
        return 'no OTR: the module is not loaded', 'blocked'
    if link == 'old':
        return 'no OTR: the module is too old', 'blocked'
    if known.link == 'asked':
        return '', 'clear'
    if link == 'down':
        return 'blocked: otrd is gone', 'blocked'
    peer = known.peers.get(lower(server, nick))
    if not peer:
        return 'NOT PRIVATE', 'clear'
    if peer['state'] == 'private':
        return {
            'none': ('OTR unverified', 'unverified'),
            'manual': ('OTR verified', 'verified'),
            'secret': ('OTR verified', 'verified'),
        }.get(peer['trust'], ('OTR KEY CHANGED', 'blocked'))
    return {
        'clear': ('OTR required', 'unverified'),
        'asking': ('OTR asking', 'unverified'),
        'finished': ('blocked: they ended OTR', 'blocked'),
    }.get(peer['state'], ('blocked: OTR was interrupted', 'blocked'))


def bar_item(data, item, window):
    buffer = weechat.window_get_pointer(window, 'buffer') if window else weechat.current_buffer()
    server, nick = query(buffer)
    text, colour = words_of(server, nick) if nick else ('', 'clear')
    return weechat.color(options['color_' + colour]) + text if text else ''


def redraw(*_):
    weechat.bar_item_update('otr')
    return weechat.WEECHAT_RC_OK


def complain(buffer, text):
    clean = ''.join(c for c in weechat.string_remove_color(text, '') if c.isprintable())
    weechat.prnt(buffer, '%s%s: %s' % (weechat.prefix('error'), NAME, clean))
    return weechat.WEECHAT_RC_OK


# What is typed.

def otr(data, buffer, arguments):
    server, nick = query(buffer)
    if not server or not weechat.info_get('irc_nick', server):
        return complain(buffer, 'this is no window of a server that you are connected to')
    if not is_znc(server):
        return complain(buffer, server + ' is not your ZNC')
    words = arguments.split() or ['help']
    name = words[0].lower()
    known = servers.get(server)
    if known and known.link == 'missing':
        complain(buffer, 'ZNC has no module otr on this network')
    if not known or known.link == 'missing' or words == ['listen']:
        listen(server)
        return weechat.WEECHAT_RC_OK
    if name in SECRETS:
        return secret(buffer, server, nick, name, words[1:])
    if nick and name in OF_QUERY and len(words) == 1:
        words.append(nick)
    if nick and name == 'policy' and len(words) == 2 and words[1].lower() in POLICIES:
        words.insert(1, nick)
    say(server, ' '.join(words))
    return weechat.WEECHAT_RC_OK


def secret(buffer, server, nick, name, words):
    """Asks for the secret, which is not typed with the command: that is shown, and kept."""
    if words and not words[0].startswith('[') and (
            not nick or lower(server, words[0]) in servers[server].peers):
        nick = words.pop(0)
    question = ' '.join(words)
    if not nick:
        return complain(buffer, '/otr %s: whom? Name a nick, or go to its query' % name)
    if question and not (name == 'authq' and question[0] == '[' and question[-1] == ']'):
        return complain(buffer, 'not sent: /otr %s asks for the secret. What you typed here is in '
                        'the history, so use another one' % name)
    close_prompt()
    mine = weechat.buffer_new('otrd.secret', 'nothing_typed', '', 'prompt_closed', '')
    weechat.buffer_set(mine, 'title', 'The secret that you share with %s, then Enter. Enter alone: '
                       'do not authenticate' % weechat.string_remove_color(nick, ''))
    weechat.buffer_set(mine, 'localvar_set_no_log', '1')
    prompt.update(buffer=mine, server=server, back=buffer,
                  command=' '.join(filter(None, [name, nick, question])))
    weechat.buffer_set(mine, 'display', '1')
    return weechat.WEECHAT_RC_OK


def entered(data, buffer, command):
    """Enter where the secret is typed: WeeChat itself is not to see it as a line."""
    if not prompt or weechat.current_buffer() != prompt['buffer']:
        return weechat.WEECHAT_RC_OK
    asked, typed = dict(prompt), weechat.buffer_get_string(prompt['buffer'], 'input').strip()
    close_prompt()
    if typed and asked['server'] in servers:
        say(asked['server'], asked['command'] + ' ' + typed)
    return weechat.WEECHAT_RC_OK_EAT


def close_prompt():
    """With the buffer goes what was typed there, and what undo has of it."""
    if not prompt:
        return
    mine, back = prompt['buffer'], prompt['back']
    is_shown = weechat.current_buffer() == mine
    prompt.clear()
    if is_shown and weechat.hdata_check_pointer(
            weechat.hdata_get('buffer'), weechat.hdata_get_list(weechat.hdata_get('buffer'),
                                                                'gui_buffers'), back):
        weechat.buffer_set(back, 'display', '1')
    weechat.buffer_close(mine)


def prompt_closed(data, buffer):
    if prompt.get('buffer') == buffer:
        prompt.clear()
    return weechat.WEECHAT_RC_OK


def nothing_typed(data, buffer, text):
    return weechat.WEECHAT_RC_OK


def hidden(data, modifier, buffer, text):
    if prompt.get('buffer') != buffer:
        return text
    return '*' * len(weechat.buffer_get_string(buffer, 'input'))


def not_kept(data, modifier, buffer, text):
    return '' if prompt.get('buffer') == buffer else text


def complete(data, item, buffer, completion):
    server, nick = query(buffer)
    words = {nick} if item == 'otr_peers' else set()
    for peer in servers[server].peers.values() if server in servers else []:
        words.add(peer['nick'] if item == 'otr_peers' else peer['fingerprint'])
    for word in words - {'', '-'}:
        weechat.completion_list_add(completion, word, 0, weechat.WEECHAT_LIST_POS_SORT)
    return weechat.WEECHAT_RC_OK


# How it begins.

def changed(data, option, value):
    options[option.rsplit('.', 1)[-1]] = value
    return redraw()


def add_to_bar():
    """Once: where the user takes it out of the bar, it stays out."""
    if weechat.config_is_set_plugin('in_bar'):
        return
    weechat.config_set_plugin('in_bar', 'on')
    items = weechat.config_get('weechat.bar.status.items')
    if items and 'otr' not in weechat.config_string(items):
        weechat.config_option_set(items, weechat.config_string(items) + ',[otr]', 1)


def hook_command():
    peers, fingerprints = '%(otr_peers)|%(nicks)', '%(otr_fingerprints)'
    completions = ['%s %s' % (name, peers) for name in OF_QUERY if 'trust' not in name]
    completions += ['%s %s|%s' % (name, peers, fingerprints) for name in ('trust', 'distrust')]
    completions += ['policy %s|%s' % (peers, '|'.join(POLICIES)), 'ignore ' + peers, 'enable ' + peers,
                    'forget ' + fingerprints, 'help ' + '|'.join(OF_QUERY + OTHERS), 'listen off',
                    'mark on|off', 'genkey --overwrite', 'fingerprint', 'status', 'version']
    weechat.hook_command(
        'otr', 'Private conversations by ZNC\'s module otr', '[command [arguments]]',
        'Commands that want a nick mean the query that you are in. auth and authq ask for the secret. '
        '/otr help lists the commands, /otr help COMMAND tells more.',
        ' || '.join(completions), 'otr', '')


def main():
    weechat.register(NAME, 'otrd', VERSION, 'Apache-2.0',
                     'Private conversations by ZNC\'s module otr', '', '')
    for option, (default, words) in OPTIONS.items():
        if not weechat.config_is_set_plugin(option):
            weechat.config_set_plugin(option, default)
        weechat.config_set_desc_plugin(option, words)
        options[option] = weechat.config_get_plugin(option)
    weechat.hook_config('plugins.var.python.%s.*' % NAME, 'changed', '')
    weechat.bar_item_new('otr', 'bar_item', '')
    add_to_bar()
    for command, callback in (('otr', 'otr_line'), ('privmsg', 'private_message'),
                              ('pong', 'answered'), ('001', 'welcomed')):
        weechat.hook_modifier('irc_in2_' + command, callback, '')
    weechat.hook_modifier('5000|input_text_display', 'hidden', '')
    weechat.hook_modifier('5000|input_text_display_with_cursor', 'hidden', '')
    weechat.hook_modifier('5000|history_add', 'not_kept', '')
    weechat.hook_command_run('5000|/input return', 'entered', '')
    for signal in ('buffer_switch', 'window_switch', 'irc_pv_opened', 'buffer_localvar_changed'):
        weechat.hook_signal(signal, 'redraw', '')
    weechat.hook_signal('irc_server_connected', 'connected', '')
    weechat.hook_signal('irc_server_disconnected', 'disconnected', '')
    weechat.hook_completion('otr_peers', 'nicks with a private conversation', 'complete', '')
    weechat.hook_completion('otr_fingerprints', 'fingerprints in use', 'complete', '')
    weechat.hook_timer(60000, 0, 0, 'look_again', '')
    hook_command()
    infolist = weechat.infolist_get('irc_server', '', '')
    while weechat.infolist_next(infolist):
        name = weechat.infolist_string(infolist, 'name')
        if weechat.infolist_integer(infolist, 'is_connected') and is_znc(name):
            listen(name)
    weechat.infolist_free(infolist)


main()

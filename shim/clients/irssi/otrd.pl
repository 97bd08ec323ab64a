# Shows in irssi how the private conversations stand that ZNC's module otr holds, and brings the
# module's commands as /otr. Needs irssi 1.2 or newer with Perl. See ../README.md.
#
# The module tells a client that says "listen" to *otr: OTR <peer> <state> <trust> <fingerprint> :<policy>.
# Behind the module nobody on the network can say that. Without it anybody can, so what is said counts
# only once ZNC has shown that the module is there: see answered.
use strict;
use warnings;
use Irssi;
use Irssi::TextUI;

our $VERSION = '0.1.0';
our %IRSSI = (
    authors     => 'otrd',
    name        => 'otrd',
    description => 'Private conversations by ZNC\'s module otr',
    license     => 'Apache-2.0',
);

# Commands that mean the nick of the query where none is named.
my @of_query = qw(info start refresh finish trust distrust auth authq authabort);
my @others = qw(help policy ignore enable forget fingerprint genkey listen mark status version);
my @policies = qw(never manual opportunistic required default);
my %servers;           # by tag: what the module there said
my (%znc, %probed);    # by tag: it is a ZNC; we have asked by ourselves whether it is
my $prompt;            # the secret that is typed now: tag, command, secret

sub prefix { return Irssi::settings_get_str('otrd_prefix') }

sub redraw { Irssi::statusbar_items_redraw('otrd'); return }

sub complain {
    my ($text) = @_;
    $text =~ s/[\x00-\x1f\x7f]//g;
    $text =~ s/%/%%/g;
    Irssi::active_win()->print("otrd: $text", MSGLEVEL_CLIENTERROR);
    return;
}

# What is said to the module. It leaves no trace in irssi: no window, no log, no history.

sub tell_module {
    my ($server, $words) = @_;
    $server->send_raw_now('PRIVMSG ' . prefix() . "otr :$words");
    return;
}

sub token {
    open my $random, '<:raw', '/dev/urandom' or return;
    my $read = read $random, my $bytes, 8;
    close $random;
    return defined $read && $read == 8 ? 'otrd-' . unpack 'H*', $bytes : undef;
}

# link is asked, then up, down (otrd is gone), missing (the module) or old; before is what it was when
# we asked again.
sub listen_to {
    my ($server) = @_;
    my $token = token() or return complain('there is no /dev/urandom');
    my $known = $servers{$server->{tag}};
    my $before = !$known ? '' : $known->{link} eq 'asked' ? $known->{before} : $known->{link};
    $servers{$server->{tag}} =
        { link => 'asked', before => $before, token => $token, heard => '', missing => 0, peers => {} };
    tell_module($server, 'listen');
    $server->send_raw_now("PING :$token");
    return redraw();
}

# A nick as the server compares it.
sub small {
    my ($server, $nick) = @_;
    my $mapping = $server->isupport('CASEMAPPING') // 'rfc1459';
    $nick =~ tr/A-Z/a-z/;
    $nick =~ tr/[]\\/{}|/ if $mapping =~ /rfc1459/;
    $nick =~ tr/~/^/ if $mapping eq 'rfc1459';
    return $nick;
}

# What the module says.

# OTR is no command of IRC: nobody but us is to see it.
sub otr_line {
    my ($server, $data, $nick, $address) = @_;
    Irssi::signal_stop();
    my $known = $servers{$server->{tag}};
    my @words = split / /, $data, -1;
    return if !$known || $known->{link} eq 'missing' || @words != 5;
    return if ($nick // '') ne prefix() . 'otr' || ($address // '') ne 'otr@znc.in';
    my ($peer, $state, $trust, $fingerprint, $policy) = @words;
    $policy =~ s/^://;
    if ($peer eq '*' && $state eq 'unloaded') {
        @{$known}{qw(link peers)} = ('missing', {});
    } elsif ($peer eq '*') {
        $known->{heard} = $state eq 'up' ? 'up' : 'down';
        $known->{link} = $known->{heard} if $known->{link} ne 'asked';
    } elsif ($state eq 'clear' && $policy ne 'required') {
        delete $known->{peers}{ small($server, $peer) };
    } else {
        $known->{peers}{ small($server, $peer) } =
            { nick => $peer, state => $state, trust => $trust, fingerprint => $fingerprint };
    }
    return redraw();
}

sub private_message {
    my ($server, $data, $nick) = @_;
    my $known = $servers{$server->{tag}} or return;
    my ($target, $text) = split / :?/, $data, 2;
    $text //= '';
    # Where ZNC echoes, what we said to the module is not for the screen.
    if ($target eq prefix() . 'otr' && $nick eq $server->{nick}) {
        Irssi::signal_stop() if $text =~ /^(?:authq?|listen)\b/i;
    } elsif ($nick eq prefix() . 'otr' && $known->{link} eq 'asked' && $text =~ /told how conversations stand/) {
        $known->{heard} ||= 'up';
        Irssi::signal_stop();
    } elsif ($nick eq prefix() . 'status' && $known->{link} eq 'asked' && $text =~ /otr/) {
        $known->{missing} = 1;
        Irssi::signal_stop();
    } elsif ($nick eq prefix() . 'status' && $known->{link} eq 'missing' && $text =~ /otr/) {
        listen_to($server);    # it may have been loaded just now
    }
    return;
}

# ZNC answers in order, and nobody else knows the token: by now it has said that there is no module
# otr, or there is one.
sub answered {
    my ($server, $data) = @_;
    my $known = $servers{$server->{tag}};
    return unless $known && index($data, $known->{token}) >= 0;
    Irssi::signal_stop();
    $known->{link} = $known->{missing} ? 'missing' : $known->{heard} || 'old' if $known->{link} eq 'asked';
    $known->{peers} = {} if $known->{link} eq 'missing';
    complain('ZNC has no module otr on this network. To load it: /msg ' . prefix()
        . 'status loadmod --type=network otr') if $known->{link} eq 'missing' && $known->{before} ne 'missing';
    complain('ZNC\'s module otr, or otrd, does not tell how conversations stand: update it')
        if $known->{link} eq 'old' && $known->{before} ne 'old';
    return redraw();
}

# ZNC offers capabilities of its own, and so can a server that means to deceive: see otrd_servers.
# Where we asked by ourselves, because the script came later than the connection, irssi is not to
# see the answer.
sub capabilities {
    my ($server, $data) = @_;
    my (undef, $what, $offered) = split / /, $data, 3;
    return unless uc($what // '') eq 'LS';
    my $asked = delete $probed{$server->{tag}};
    Irssi::signal_stop() if $asked;
    my @allowed = split ' ', Irssi::settings_get_str('otrd_servers');
    return unless ($offered // '') =~ m{(?:^|[ :])znc\.in/};
    return unless grep { $_ eq '*' || $_ eq $server->{tag} } @allowed;
    $znc{$server->{tag}} = 1;
    listen_to($server) if $asked;
    return;
}

# ZNC says 001 when one logs in, and when it shows another network.
sub welcomed {
    my ($server) = @_;
    listen_to($server) if $znc{$server->{tag}};
    return;
}

# Whoever loads the module may do that in another client.
sub look_again {
    for my $server (Irssi::servers()) {
        my $known = $servers{$server->{tag}};
        listen_to($server) if $server->{connected} && $known && $known->{link} =~ /^(?:missing|old)$/;
    }
    return;
}

sub disconnected {
    my ($server) = @_;
    delete $_->{$server->{tag}} for \%servers, \%znc, \%probed;
    end_prompt() if $prompt && $prompt->{tag} eq $server->{tag};
    return redraw();
}

# What is shown.

# What the bar says, and its colour.
sub words_of {
    my ($server, $nick) = @_;
    my $known = $servers{$server->{tag}};
    return ('', '') unless $known;
    my $asked = $known->{link} eq 'asked';
    my $link = $asked ? $known->{before} : $known->{link};
    return ('no OTR: the module is not loaded', '%R') if $link eq 'missing';
    return ('no OTR: the module is too old', '%R') if $link eq 'old';
    return ('', '') if $asked;
    return ('blocked: otrd is gone', '%R') if $link eq 'down';
    my $peer = $known->{peers}{ small($server, $nick) };
    return ('NOT PRIVATE', '%n') unless $peer;
    my ($state, $trust) = @{$peer}{qw(state trust)};
    if ($state eq 'private') {
        return ('OTR unverified', '%Y') if $trust eq 'none';
        return ('OTR verified', '%G') if $trust eq 'manual' || $trust eq 'secret';
        return ('OTR KEY CHANGED', '%R');
    }
    return ('OTR required', '%Y') if $state eq 'clear';
    return ('OTR asking', '%Y') if $state eq 'asking';
    return ('blocked: they ended OTR', '%R') if $state eq 'finished';
    return ('blocked: OTR was interrupted', '%R');
}

sub query_nick {
    my ($item) = @_;
    return '' unless $item && $item->{type} eq 'QUERY' && $item->{server};
    return index($item->{name}, prefix()) == 0 ? '' : $item->{name};
}

sub bar_item {
    my ($bar, $size_only) = @_;
    my $item = Irssi::active_win()->{active};
    my $nick = query_nick($item);
    my ($words, $colour) = $nick ne '' ? words_of($item->{server}, $nick) : ('', '');
    $bar->default_handler($size_only, $words ne '' ? "{sb $colour$words%n}" : '', '', 1);
    return;
}

# What is typed.

sub otr {
    my ($arguments, $server, $item) = @_;
    return complain('this is no window of a server that you are connected to')
        unless $server && $server->{connected};
    return complain("$server->{tag} is not your ZNC") unless $znc{$server->{tag}};
    my $known = $servers{$server->{tag}};
    my @words = split ' ', $arguments;
    @words = ('help') unless @words;
    my $name = lc $words[0];
    my $nick = query_nick($item);
    my $missing = $known && $known->{link} eq 'missing';
    complain('ZNC has no module otr on this network') if $missing;
    return listen_to($server) if !$known || $missing || "@words" eq 'listen';
    return secret($server, $nick, @words) if $name eq 'auth' || $name eq 'authq';
    push @words, $nick if $nick ne '' && @words == 1 && grep { $_ eq $name } @of_query;
    splice @words, 1, 0, $nick
        if $nick ne '' && $name eq 'policy' && @words == 2 && grep { $_ eq lc $words[1] } @policies;
    return tell_module($server, "@words");
}

# Asks for the secret, which is not typed with the command: that is shown, and kept.
sub secret {
    my ($server, $nick, $name, @words) = @_;
    my $peers = $servers{$server->{tag}}{peers};
    $nick = shift @words
        if @words && $words[0] !~ /^\[/ && ($nick eq '' || $peers->{ small($server, $words[0]) });
    my $question = "@words";
    return complain("/otr $name: whom? Name a nick, or go to its query") if $nick eq '';
    return complain("not sent: /otr $name asks for the secret. What you typed here is in the history, "
        . 'so use another one') if $question ne '' && !(lc $name eq 'authq' && $question =~ /^\[.*\]$/);
    $prompt = { tag => $server->{tag}, secret => '',
                command => join ' ', grep { $_ ne '' } $name, $nick, $question };
    $nick =~ s/[\x00-\x1f\x7f]//g;
    $nick =~ s/%/%%/g;
    Irssi::active_win()->print("otrd: type the secret that you share with $nick, then Enter. "
        . 'Enter alone: do not authenticate', MSGLEVEL_CLIENTCRAP);
    return;
}

sub end_prompt {
    undef $prompt;
    Irssi::gui_input_set('');
    return;
}

sub tell_secret {
    my ($secret) = @_;
    my $asked = $prompt;
    end_prompt();
    $secret =~ s/^\s+|\s+$//g;
    my $server = Irssi::server_find_tag($asked->{tag});
    return unless $secret ne '' && $server && $servers{$asked->{tag}};
    return tell_module($server, "$asked->{command} $secret");
}

# While the secret is typed, irssi sees no letter of it. Other keys than letters end that.
sub key {
    my ($key) = @_;
    return unless $prompt;
    if ($key == 10 || $key == 13) {
        Irssi::signal_stop();
        return tell_secret($prompt->{secret});
    } elsif ($key == 127 || $key == 8) {
        $prompt->{secret} =~ s/(?:[\x00-\x7f]|[\xc0-\xff][\x80-\xbf]*|.)\z//s;
    } elsif ($key == 21) {
        $prompt->{secret} = '';
    } elsif ($key < 32) {
        return end_prompt();
    } else {
        my $letter = chr $key;
        utf8::encode($letter);
        $prompt->{secret} .= $letter;
    }
    Irssi::signal_stop();
    my $letters = () = $prompt->{secret} =~ /[^\x80-\xbf]/g;
    Irssi::gui_input_set('*' x $letters);
    return;
}

# A whole line that is pasted does not come as keys.
sub line_sent {
    my ($line) = @_;
    return unless $prompt;
    Irssi::signal_stop();
    $line =~ s/^\*+//;
    return tell_secret($prompt->{secret} . $line);
}

sub complete {
    my ($list, $window, $word, $line) = @_;
    return unless $line =~ m{^/otr\b}i;
    my $server = $window->{active_server};
    my $known = $server ? $servers{$server->{tag}} : undef;
    my ($command) = $line =~ m{^/otr\s+(\S+)}i;
    my @words;
    if (!defined $command) {
        @words = (@of_query, @others);
    } elsif (lc $command eq 'help') {
        @words = (@of_query, @others);
    } else {
        @words = (map { ($_->{nick}, $_->{fingerprint}) } $known ? values %{ $known->{peers} } : ());
        push @words, query_nick($window->{active});
        push @words, @policies if lc $command eq 'policy';
    }
    my %seen;
    push @$list, sort grep { $_ ne '-' && $_ ne '' && index(lc, lc $word) == 0 && !$seen{$_}++ } @words;
    Irssi::signal_stop() if @$list;
    return;
}

# How it begins.

if (grep { $_->{cmd} eq 'otr' } Irssi::commands()) {
    die "irssi's own plugin otr is loaded, and would encrypt what ZNC encrypts. Take it out: /unload otr, "
        . "take otr out of /set autoload_modules, /save, and load this script again\n";
}
Irssi::settings_add_str('otrd', 'otrd_prefix', '*');
Irssi::settings_add_str('otrd', 'otrd_servers', '*');
Irssi::settings_add_bool('otrd', 'otrd_in_bar', 1);
Irssi::statusbar_item_register('otrd', '', 'bar_item');
Irssi::command('^statusbar window add -after window_empty otrd') if Irssi::settings_get_bool('otrd_in_bar');
Irssi::signal_add('event otr', 'otr_line');
Irssi::signal_add_first('event privmsg', 'private_message');
Irssi::signal_add_first('event pong', 'answered');
Irssi::signal_add_first('event cap', 'capabilities');
Irssi::signal_add_last('event 001', 'welcomed');
Irssi::signal_add('server disconnected', 'disconnected');
Irssi::signal_add_first('gui key pressed', 'key');
Irssi::signal_add_first('send command', 'line_sent');
Irssi::signal_add_first('complete word', 'complete');
Irssi::signal_add_last($_, 'redraw')
    for 'window changed', 'window item changed', 'query nick changed', 'query created';
Irssi::timeout_add(60_000, 'look_again', undef);
Irssi::command_bind('otr', 'otr');
for my $server (grep { $_->{chat_type} eq 'IRC' && $_->{connected} } Irssi::servers()) {
    $probed{$server->{tag}} = 1;
    $server->send_raw_now('CAP LS');
}

bob	henry@irc.test.net	IRC	1604e5ef0ebae170dce0482964dad5ff56ff6175	smp

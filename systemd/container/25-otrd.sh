# shellcheck shell=sh
# Sourced when the container of ZNC starts, as ZNC's user, before ZNC's image builds all *.cpp below
# $DATADIR/modules: the module's own source lies elsewhere, for it is many files and one module.
mkdir -p "$DATADIR/modules/otr" || exit 1
echo '#include "/usr/src/otrd/otr.cpp"' >"$DATADIR/modules/otr.cpp" || exit 1
cp -R /usr/src/otrd/web/. "$DATADIR/modules/otr" || exit 1

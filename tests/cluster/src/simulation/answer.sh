# Simulates one answer and the scheduler's response: answer.sh WORK BASE HOW COUNT AGAIN OPTION...
#
# WORK is the prefix of all files of this case, BASE the initial CIB. The options make
# `crm_simulate` inject the answer. HOW is `asked` if the scheduler itself orders the action now, so
# that the answer comes during its transition. HOW is `recurring` if the answer comes by itself.
# COUNT is a piece of status with the fail-count that the controller would set, if crm_simulate sets
# another one. AGAIN is the answer to each repetition, if there is one. COUNT and AGAIN may be
# empty.
#
# Writes the XML of each decision until the scheduler is idle, and then that of `crm_mon`; a line of
# = ends each.
set -eu
work=$1 base=$2 how=$3 count=$4 again=$5
shift 5
case $how in
    asked) crm_simulate --xml-file "$base" --simulate --save-output "$work.0" "$@" ;;
    recurring) crm_simulate --xml-file "$base" --simulate --save-input "$work.0" "$@" ;;
esac >/dev/null
sed -i '/fail-count-[^"]*_0"/d' "$work.0"
[ -z "$count" ] || CIB_file=$work.0 cibadmin --modify --allow-create --scope status --xml-text "$count"
round=0
while [ $round -lt 6 ]; do
    crm_simulate --xml-file "$work.$round" --simulate --show-scores --output-as=xml \
        ${again:+--op-fail "$again"} --save-output "$work.$((round + 1))" >"$work.said"
    round=$((round + 1))
    cat "$work.said"
    echo =====
    # A blocked action waits for a person.
    grep '<rsc_action action=\|<node_action task=' "$work.said" | grep -qv 'blocked="true"' || break
done
CIB_file=$work.$round crm_mon --one-shot --inactive --output-as=xml

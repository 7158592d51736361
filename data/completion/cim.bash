# Completion of cim for bash.
_cim() {
    local commands='identify query ls get set create delete call classes class dump config'
    local options='--user --password-stdin --auth --delegate --cert --key --cacert --insecure --trusted-hosts --allow-unencrypted --clear-password --timeout --output --locale --uri --help'
    local cur prev words cword i command='' operands=0
    if declare -F _init_completion >/dev/null; then
        _init_completion -n = || return
    else
        words=("${COMP_WORDS[@]}") cword=$COMP_CWORD cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    fi
    if [ "$cword" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "$commands --help --version" -- "$cur")
        return
    fi
    command=${words[1]}
    case $prev in
    -o | --output) mapfile -t COMPREPLY < <(compgen -W 'table list json csv xml mof' -- "$cur"); return ;;
    --auth) mapfile -t COMPREPLY < <(compgen -W 'basic digest ntlm kerberos negotiate credssp certificate' -- "$cur"); return ;;
    --uri) mapfile -t COMPREPLY < <(compgen -W 'wmi dmtf' -- "$cur"); return ;;
    --cacert | --cert | --key) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null; return ;;
    -u | --user | --timeout | --locale | --trusted-hosts) return ;;
    esac
    case $command in
    ls) options+=' --exact' ;;
    class) options+=' --declared' ;;
    esac
    case $cur in
    -*) mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur"); return ;;
    esac
    for ((i = 2; i < cword; i++)); do
        case ${words[i]} in
        -o | -u | --output | --auth | --uri | --cacert | --cert | --key | --user | --timeout | --locale | --trusted-hosts) ((i++)) ;;
        -*) ;;
        *) ((operands++)) ;;
        esac
    done
    if [ "$operands" -eq 0 ] && [ "$command" != config ]; then
        mapfile -t COMPREPLY < <(compgen -W 'wsmv:// wsmv+https://' -- "$cur")
        compopt -o nospace 2>/dev/null
        type __ltrim_colon_completions >/dev/null 2>&1 && __ltrim_colon_completions "$cur"
    fi
}
complete -F _cim cim

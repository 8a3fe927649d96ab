# shellcheck shell=bash
# bash completion for gatewayd
_gatewayd() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    COMPREPLY=()
    case $prev in
        -c | --config)
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            ;;
        *) mapfile -t COMPREPLY < <(compgen -W '--config --check --version --json --help' -- "$cur") ;;
    esac
}
complete -F _gatewayd gatewayd

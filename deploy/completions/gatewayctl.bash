# shellcheck shell=bash
# bash completion for gatewayctl
_gatewayctl() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local word words=() i skip=
    COMPREPLY=()

    # The words before the cursor that are neither options nor what belongs to them.
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [ -n "$skip" ]; then
            skip=
            continue
        fi
        case $word in
            --json | --help | -h | --server | --client | --remove | --list) ;;
            -*=*) ;;
            -*) skip=1 ;;
            *) words+=("$word") ;;
        esac
    done

    case $prev in
        --socket)
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            return
            ;;
        --parent)
            mapfile -t COMPREPLY < <(compgen -d -- "$cur")
            return
            ;;
        --key-type)
            mapfile -t COMPREPLY < <(compgen -W 'ecdsa-p256 ecdsa-p384 rsa-2048 rsa-3072 rsa-4096 ed25519' -- "$cur")
            return
            ;;
        --reason)
            mapfile -t COMPREPLY < <(compgen -W 'unspecified keyCompromise CACompromise affiliationChanged superseded
                cessationOfOperation certificateHold' -- "$cur")
            return
            ;;
    esac
    [ -z "$skip" ] || return

    local options='--help --json --socket' choices=
    case "${words[0]} ${words[1]}" in
        ' ') choices='reload check status health drain revoke pki version' ;;
        'status '* | 'health '* | 'version '*) options+=' --timeout' ;;
        'reload '* | 'drain '*) options+=' --timeout --wait' ;;
        'revoke '*) options+=' --timeout --fingerprint --serial --issuer --comment --remove --list' ;;
        'pki ') choices='init issue export revoke crl list' ;;
        'pki init') options+=' --cn --o --ou --key-type --days --not-before --not-after --crl-days --parent --path-length' ;;
        'pki issue') options+=' --server --client --cn --o --ou --dns --uri --email --ip --key-type --days --not-before --not-after
            --pkcs12 --password-file --legacy' ;;
        'pki export') options+=' --pkcs12 --password-file --legacy' ;;
        'pki revoke') options+=' --reason --days' ;;
        'pki crl') options+=' --days' ;;
    esac
    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
    elif [ -n "$choices" ]; then
        mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$cur")
    elif [ "${words[0]}" = check ]; then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    elif [ "${words[0]}" = pki ] && [ ${#words[@]} -eq 2 ]; then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -d -- "$cur")
    elif [[ "${words[0]} ${words[1]}" =~ ^'pki '(revoke|export)$ ]] && [ -d "${words[2]}/issued" ]; then
        # The names that were issued.
        mapfile -t COMPREPLY < <(compgen -W "$(cd "${words[2]}/issued" && for word in *.pem; do echo "${word%.pem}"; done)" -- "$cur")
    fi
}
complete -F _gatewayctl gatewayctl

# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Completion for rlimitctl. It knows no verb, option or resource itself: rlimitctl
# lists them.

# The verb's arguments before the word at the cursor, without options, into args.
_rlimitctl_arguments()
{
	local i

	args=()
	for ((i = 2; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-*) ;;
		*) args+=("${COMP_WORDS[i]}") ;;
		esac
	done
}

_rlimitctl_words()
{
	# shellcheck disable=SC2207	# none of the words has blanks
	COMPREPLY+=($(compgen -W "$(rlimitctl "$@" 2> /dev/null)" -- "$word"))
}

# A resource to be followed by "=" and a bound.
_rlimitctl_assignment()
{
	case $word in
	*=*) return ;;
	esac
	_rlimitctl_words --list-resources
	COMPREPLY=("${COMPREPLY[@]/%/=}")
	compopt -o nospace
}

_rlimitctl_cgroup()
{
	local base=/sys/fs/cgroup/ path

	case $word in
	/*) base= ;;
	esac
	while IFS= read -r path; do
		COMPREPLY+=("${path#"$base"}/")
	done < <(compgen -d -- "$base$word")
	compopt -o nospace
}

_rlimitctl_mode()
{
	# shellcheck disable=SC2207
	case ${#args[@]} in
	0) _rlimitctl_words --list-containers ;;
	1) COMPREPLY=($(compgen -W 'enforce observe' -- "$word")) ;;
	*) _rlimitctl_words --list-resources ;;
	esac
}

# The command after "exec NAME --" has a completion of its own.
_rlimitctl_command()
{
	local i

	for ((i = 3; i < COMP_CWORD; i++)); do
		[ "${COMP_WORDS[i]}" = -- ] || continue
		if declare -F _command_offset > /dev/null; then
			_command_offset $((i + 1))
		else
			compopt -o default
		fi
		return 0
	done
	return 1
}

_rlimitctl()
{
	local word=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]} args
	local before=${COMP_WORDS[COMP_CWORD - 1]}

	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		_rlimitctl_words --list-verbs
		return
	fi
	case $verb in exec|start) _rlimitctl_command ;; *) false ;; esac && return
	# "numproc=20" comes in three words: = is a delimiter of bash's
	[ "$word" != = ] && [ "$before" != = ] || return

	case $before in
	--cgroup) _rlimitctl_cgroup; return ;;
	--bpf-dir|--rootfs|--overlay) compopt -o dirnames; return ;;
	--limits|--bind) compopt -o default; return ;;
	-c|--container) _rlimitctl_words --list-containers; return ;;
	-r|--resource)
		# show has an option -r, without a value
		if [ "$verb" = events ]; then
			_rlimitctl_words --list-resources
			return
		fi
		;;
	-s|--signal)
		# shellcheck disable=SC2207
		COMPREPLY=($(compgen -A signal -- "SIG${word#SIG}"))
		COMPREPLY=("${COMPREPLY[@]#SIG}")
		return
		;;
	--parent) _rlimitctl_words --list-containers; return ;;
	--containers|--objects|--events|-n|--count) return ;;
	--hostname|--net|--tmpfs|--userns|--proc|--cap|--share|--env) return ;;
	--unit|--pid|-t|--timeout|--upper) return ;;
	esac
	case $word in
	-*)
		_rlimitctl_words --list-options "$verb"
		return
		;;
	esac

	_rlimitctl_arguments
	case $verb in
	help) _rlimitctl_words --list-verbs ;;
	show|destroy|state|status) _rlimitctl_words --list-containers ;;
	audit|attach|detach|exec|kill|move|start|enter|stop|restart|freeze|thaw|log)
		[ ${#args[@]} -gt 0 ] || _rlimitctl_words --list-containers
		;;
	mode) _rlimitctl_mode ;;
	reset)
		if [ ${#args[@]} -eq 0 ]; then
			_rlimitctl_words --list-containers
		else
			_rlimitctl_words --list-resources
		fi
		;;
	create)
		[ ${#args[@]} -eq 0 ] || _rlimitctl_assignment
		;;
	set)
		if [ ${#args[@]} -eq 0 ]; then
			_rlimitctl_words --list-containers
		else
			_rlimitctl_assignment
		fi
		;;
	esac
}

complete -F _rlimitctl rlimitctl

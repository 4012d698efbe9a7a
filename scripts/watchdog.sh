#!/bin/sh
# watchdog.sh SIGNAL: ends processes when the process that started this script ends for any reason.
# Even SIGKILL closes the pipe that this script reads; nothing is polled. Lines of input:
#   watch PID    send the signal to this process and its descendants at the end
#   forget PID   the process has ended
#   remove PATH  remove this folder at the end, after the processes
trap '' INT TERM HUP

watched=' '
folder=''
while read -r verb subject; do
  case $verb in
    watch) watched="$watched$subject " ;;
    forget) case $watched in *" $subject "*) watched="${watched%% "$subject" *} ${watched#* "$subject" }" ;; esac ;;
    remove) folder=$subject ;;
  esac
done

# A process and, on Linux, its descendants.
family() {
  echo "$1"
  for child in $(cat "/proc/$1/task/"*/children 2>/dev/null); do family "$child"; done
}

for pid in $watched; do kill -s "$1" $(family "$pid") 2>/dev/null; done
# A process that is ending may still write.
[ -z "$folder" ] || rm -rf "$folder" 2>/dev/null || { sleep 1; rm -rf "$folder"; }

#!/bin/sh
# watchdog.sh SIGNAL: ends processes when the one that started this script has ended, however it ended.
# Even SIGKILL closes the pipe that is read here; nothing is polled. Lines of input:
#   watch PID    it, and all that it will have started, gets the signal
#   forget PID   it has ended
#   remove PATH  a folder that has to go, after the processes
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

# A process and its descendants, where Linux tells of them.
family() {
  echo "$1"
  for child in $(cat "/proc/$1/task/"*/children 2>/dev/null); do family "$child"; done
}

for pid in $watched; do kill -s "$1" $(family "$pid") 2>/dev/null; done
# What is being ended may still write.
[ -z "$folder" ] || rm -rf "$folder" 2>/dev/null || { sleep 1; rm -rf "$folder"; }

"""Other programs that run the same networks, and how they are timed against edgefusion.

Start with case.py (what is run) and rounds.py (who runs when). Each *_side.py drives one library in
a process of its own (worker.py); program.py drives edgefusion. ../bench_peers.py is the command.
"""
